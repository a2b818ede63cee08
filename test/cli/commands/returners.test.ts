import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { command } from '../../../src/cli/commands/returners.ts'
import { testFolder } from '../../helpers/folder.ts'

let home: string
let stdout = ''
beforeEach(async () => {
  home = await testFolder()
  await mkdir(join(home, 'own/returners'), { recursive: true })
  const own = `import { appendFileSync } from 'node:fs'
import { returner, z } from 'reactor'
export default returner({
  doc: 'Keeps returns in a drawer.\\nThe second line.',
  options: { drawer: z.string().describe('which one'), depth: z.number().default(3).describe('how deep it is') },
  can: ['returner'],
  create: async ({ drawer }) => [\`made the drawer \${drawer}\`],
  open: ({ drawer }) => ({
    returner: async returns => { for (const one of returns) appendFileSync(drawer, JSON.stringify(one) + '\\\\n') },
    close: async () => undefined,
  }),
})
`
  await writeFile(join(home, 'own/returners/drawer.mjs'), own)
  await writeFile(config(), `module_dirs: [${join(home, 'own')}]\ndrawer.drawer: top\nother.drawer.drawer: bottom\n`)
  stdout = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    stdout += String(text)
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

const config = () => join(home, 'reactor.yaml')
async function returners(...words: string[]): Promise<string> {
  const program = new Command()
  command(program)
  await program.parseAsync(['returners', ...words, '--config', config()], { from: 'user' })
  return stdout
}

describe('reactor returners', () => {
  it('list names those that ship and those of module_dirs, with what they can do', async () => {
    const text = await returners('list')
    expect(text).toMatch(/^local\s+The job cache that is there without any\.$/m)
    expect(text).toMatch(/^drawer\s+Keeps returns in a drawer\.\n\s+returner$/m)
    expect(text).not.toContain('The second line')
  })

  it('show tells of the settings by their names in a config', async () => {
    const text = await returners('show', 'drawer')
    expect(text).toContain('drawer.drawer (string, required): which one')
    expect(text).toContain('drawer.depth (number, default 3): how deep it is')
    expect(text).toContain('The second line.')
    stdout = ''
    expect(JSON.parse(await returners('show', 'drawer', '--json'))).toMatchObject({
      name: 'drawer',
      can: ['returner'],
      settings: [
        { name: 'drawer.drawer', required: true },
        { name: 'drawer.depth', default: 3 },
      ],
    })
  })

  it('create makes what it needs, with the settings of the config or of an alternative', async () => {
    expect(await returners('create', 'drawer')).toBe('made the drawer top\n')
    stdout = ''
    expect(await returners('create', 'drawer', '--return-config', 'other')).toBe('made the drawer bottom\n')
  })

  it('clean removes what is older, with the settings of the config', async () => {
    const database = join(home, 'salt.db')
    await writeFile(config(), `sqlite.database: ${database}\n`)
    expect(await returners('create', 'sqlite')).toContain(`made the file ${database}`)
    stdout = ''
    expect(await returners('clean', 'sqlite', '--older-than', '30d')).toBe('removed 0 jobs with their returns\n')
    await writeFile(config(), `module_dirs: [${join(home, 'own')}]\ndrawer.drawer: top\n`)
    await expect(returners('clean', 'drawer', '--older-than', '1d')).rejects.toThrow(
      "the returner 'drawer' has no clean_old_jobs: it has returner",
    )
  })

  it('says which settings are wrong, and which returner is not there', async () => {
    await writeFile(config(), `module_dirs: [${join(home, 'own')}]\ndrawer.drawr: top\n`)
    await expect(returners('create', 'drawer')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("unknown setting 'drawer.drawr'. Did you mean 'drawer'?"),
    })
    await writeFile(config(), `module_dirs: [${join(home, 'own')}]\n`)
    await expect(returners('create', 'drawer')).rejects.toThrow("'drawer.drawer' is missing")
    await expect(returners('show', 'drawr')).rejects.toThrow("there is no returner 'drawr'. Did you mean 'drawer'?")
  })

  it('says which returners there are where none is near', async () => {
    await expect(returners('show', 'nosuch')).rejects.toThrow(
      /^there is no returner 'nosuch'. There are drawer, http, /,
    )
  })

  it('says of the job cache that it is none', async () => {
    for (const words of [['show'], ['create'], ['clean', '--older-than', '1d']])
      await expect(returners(words[0]!, 'local', ...words.slice(1))).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining("'local' is the job cache"),
      })
  })

  it('touches no other store where there is nothing under the name of --return-config', async () => {
    for (const words of [['create'], ['clean', '--older-than', '1d']])
      await expect(returners(words[0]!, 'drawer', '--return-config', 'othr', ...words.slice(1))).rejects.toMatchObject({
        code: 'bad_config',
        message: expect.stringContaining("has no setting 'othr.…'"),
      })
    expect(stdout).toBe('')
  })

  it('says what a store says, as an error of the store', async () => {
    const stuck =
      "export default returner({ doc: 'Stuck.', can: ['returner'], create: () => Promise.reject(new Error('the lid jams')), open: () => ({ close: async () => undefined }) })"
    await writeFile(join(home, 'own/returners/stuck.mjs'), `import { returner } from 'reactor'\n${stuck}\n`)
    await expect(returners('create', 'stuck')).rejects.toMatchObject({
      code: 'unreachable',
      message: "the store of 'stuck': the lid jams",
    })
  })
})
