import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGrainFolder, createIdFile } from '../../src/keys/signing-files.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

async function idFile(text: string, mode = 0o644) {
  const file = join(await testFolder(), 'autosign.conf')
  await writeFile(file, text)
  await chmod(file, mode)
  const { log, lines } = keptLog()
  return { file, lines, matches: createIdFile(file, log) }
}

describe('a file of ids', () => {
  it('has a glob on each line, between comments and empty lines', async () => {
    const { matches } = await idFile('# the web\nweb*.example.com\n\n   db[12]\r\n#cache*\n')
    expect(await matches('web1.example.com')).toBe(true)
    expect(await matches('db2')).toBe(true)
    for (const id of ['web1.example.org', 'db3', 'cache1', '#cache1', 'xweb1.example.com'])
      expect(await matches(id)).toBe(false)
  })

  it('takes the dots of a name for dots, and regular expressions for such where they show it', async () => {
    const { matches, lines } = await idFile('db.example.com\n^(app|api)\\d+$\nx(y\n')
    expect(await matches('db.example.com')).toBe(true)
    expect(await matches('db-example.com')).toBe(false)
    expect(await matches('api12')).toBe(true)
    expect(await matches('api12.evil')).toBe(false)
    expect(await matches('xapi12')).toBe(false)
    expect(await matches('x(y')).toBe(false)
    expect(lines.items.map(({ msg, line }) => [msg, line])).toEqual([
      ['a line is no regular expression and is ignored', 'x(y'],
    ])
  })

  it('binds each alternative of a regular expression to the whole id', async () => {
    const { matches } = await idFile('a|b\n')
    expect(await matches('b')).toBe(true)
    expect(await matches('ax')).toBe(false)
    expect(await matches('xb')).toBe(false)
  })

  it('is read again once it has changed, comes or goes', async () => {
    const { file, matches, lines } = await idFile('one\n')
    expect(await matches('one')).toBe(true)
    await writeFile(file, 'two\n# longer\n')
    expect(await matches('one')).toBe(false)
    expect(await matches('two')).toBe(true)
    await rm(file)
    expect(await matches('two')).toBe(false)
    expect(await matches('two')).toBe(false)
    expect(lines.items.map(({ level, error }) => [level, error])).toEqual([[40, 'ENOENT']])
    await writeFile(file, 'two\n')
    expect(await matches('two')).toBe(true)
  })

  it.each([0o666, 0o646, 0o664])('says nothing where others may write to it (%o), and is logged once', async mode => {
    const { file, matches, lines } = await idFile('*\n', mode)
    expect(await matches('web1')).toBe(false)
    expect(await matches('web2')).toBe(false)
    expect(lines.items.map(({ level, mode: shown, path }) => [level, shown, path])).toEqual([
      [50, mode.toString(8), file],
    ])
    await chmod(file, 0o640)
    expect(await matches('web1')).toBe(true)
  })

  it('says nothing where it is a folder', async () => {
    const { file, matches, lines } = await idFile('')
    await rm(file)
    await mkdir(file, { mode: 0o755 })
    expect(await matches('web1')).toBe(false)
    expect(lines.items[0]?.level).toBe(50)
  })
})

describe('a folder of grains', () => {
  async function grainFolder(files: Record<string, string>, mode = 0o644) {
    const dir = join(await testFolder(), 'grains')
    await mkdir(dir, { mode: 0o755 })
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(dir, name), text)
      await chmod(join(dir, name), mode)
    }
    const { log, lines } = keptLog()
    return { dir, lines, grainOf: createGrainFolder(dir, log) }
  }

  it('names the grain that has one of the values in its file', async () => {
    const { grainOf } = await grainFolder({ uuid: '# known\nabc-1\nabc-2\n', role: 'web\n' })
    expect(await grainOf({ role: 'db', uuid: 'abc-2' })).toBe('uuid')
    expect(await grainOf({ role: 'db', uuid: 'abc' })).toBeUndefined()
    expect(await grainOf({ uuid: '# known' })).toBeUndefined()
    expect(await grainOf({ uuid: '' })).toBeUndefined()
    expect(await grainOf({})).toBeUndefined()
  })

  it('takes no name of a minion for a path', async () => {
    const { dir, grainOf } = await grainFolder({ uuid: 'abc\n' })
    await writeFile(join(dir, '..', 'secret'), 'abc\n')
    for (const name of ['../secret', './uuid', `${dir}/uuid`, '__proto__', 'constructor'])
      expect(await grainOf(JSON.parse(JSON.stringify({ [name]: 'abc' })))).toBeUndefined()
  })

  it('notices new files, and new values', async () => {
    const { dir, grainOf } = await grainFolder({ uuid: 'abc\n' })
    expect(await grainOf({ rack: '7' })).toBeUndefined()
    await writeFile(join(dir, 'rack'), '7\n', { mode: 0o644 })
    expect(await grainOf({ rack: '7' })).toBe('rack')
    await writeFile(join(dir, 'uuid'), 'abc\nlater\n')
    expect(await grainOf({ uuid: 'later' })).toBe('uuid')
  })

  it('passes over files, and a folder, to which others may write', async () => {
    const { grainOf, lines } = await grainFolder({ uuid: 'abc\n' }, 0o666)
    expect(await grainOf({ uuid: 'abc' })).toBeUndefined()
    expect(lines.items.map(({ level }) => level)).toEqual([50])
    const open = await grainFolder({ uuid: 'abc\n' })
    await chmod(open.dir, 0o777)
    expect(await open.grainOf({ uuid: 'abc' })).toBeUndefined()
    expect(open.lines.items.map(({ path }) => path)).toEqual([open.dir])
  })
})
