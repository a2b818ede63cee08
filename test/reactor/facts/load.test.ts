import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadFacts } from '../../../src/reactor/facts/load.ts'
import { testFolder } from '../../helpers/folder.ts'

const GOOD = `import { fact } from 'reactor'
export default fact({ doc: 'The rack.', timeout: '500ms', run: async ({ origin }, { of }) => ({ row: 3, origin, of }) })
`

/** A module folder with these files below `facts/`. */
async function moduleDir(files: Record<string, string>): Promise<string> {
  const dir = await testFolder()
  await mkdir(join(dir, 'facts'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, 'facts', name), text)
  return dir
}

describe("the user's own facts", () => {
  it('are the files of the folder facts of each module folder', async () => {
    const dir = await moduleDir({ 'rack.js': GOOD, '_shared.js': 'export const x = 1', 'notes.txt': 'x' })
    const other = await moduleDir({ 'shelf.mjs': GOOD })
    const facts = await loadFacts([dir, other, await testFolder()])
    expect([...facts.keys()]).toEqual(['rack', 'shelf'])
    const rack = facts.get('rack')!
    expect(rack).toMatchObject({ doc: 'The rack.', timeoutMs: 500 })
    const event = { tag: 'a', data: {}, origin: 'web1', stamp: 's' }
    const { signal } = new AbortController()
    expect(await rack.run(event, { of: 'x' }, { signal })).toEqual({ row: 3, origin: 'web1', of: 'x' })
  })

  it('have two seconds where they do not say otherwise', async () => {
    const dir = await moduleDir({ 'rack.js': GOOD.replace(", timeout: '500ms'", '') })
    expect((await loadFacts([dir])).get('rack')!.timeoutMs).toBe(2000)
  })

  it('are none where there is no module folder', async () => {
    expect(await loadFacts([])).toEqual(new Map())
  })

  const spec = (text: string) => `import { fact } from 'reactor'\nexport default fact(${text})`
  it.each([
    ['data.js', GOOD, "'data' has a meaning of its own in rules"],
    ['job.js', GOOD, "'job' has a meaning of its own in rules"],
    ['range.js', GOOD, "'range' has a meaning of its own in rules"],
    ['my-rack.js', GOOD, "a fact's name, which is the file's, is letters, digits and '_'"],
    ['rack.js', 'export const rack = 1', 'its default export is no fact: export default fact('],
    ['rack.js', 'export default () => 1', 'its default export is no fact'],
    ['rack.js', 'export default {', 'does not load'],
    ['rack.js', spec('{ doc: "x" }'), 'a fact has a doc and a run'],
    ['rack.js', spec('{ doc: "x", timeout: "1m", run: () => 1 }'), "timeout: '1m' is not between 1ms and 30s"],
    ['rack.js', spec('{ doc: "x", timeout: "soon", run: () => 1 }'), "'soon' is not a duration"],
  ])('are refused in a file %s of %j', async (name, text, message) => {
    const dir = await moduleDir({ [name]: text })
    const loading = loadFacts([dir])
    await expect(loading).rejects.toMatchObject({ code: 'bad_module' })
    await expect(loading).rejects.toThrow(join(dir, 'facts', name))
    await expect(loading).rejects.toThrow(message)
  })

  it('have a name once', async () => {
    const [one, two] = [await moduleDir({ 'rack.js': GOOD }), await moduleDir({ 'rack.mjs': GOOD })]
    await expect(loadFacts([one, two])).rejects.toThrow(
      `${join(two, 'facts/rack.mjs')}: the fact 'rack' is already defined in ${join(one, 'facts/rack.js')}`,
    )
  })
})
