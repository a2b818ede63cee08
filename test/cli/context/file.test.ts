import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  chooseContext,
  chosenContext,
  configFolder,
  contextNames,
  findContext,
  readContext,
  removeContext,
  writeContext,
} from '../../../src/cli/context/file.ts'
import { testFolder } from '../../helpers/folder.ts'

let home: string
beforeEach(async () => {
  home = await testFolder()
  vi.stubEnv('XDG_CONFIG_HOME', home)
})
afterEach(() => void vi.unstubAllEnvs())

const PROD = { server: 'tls://nats.example.com', user: 'ada', seed: '/home/ada/ada.nk', tls: { ca: '/etc/ca.pem' } }
const modeOf = async (...parts: string[]) => ((await stat(join(home, 'reactor', ...parts))).mode & 0o777).toString(8)

describe('a context', () => {
  it('is read as it was written, for its owner alone', async () => {
    await writeContext('prod', PROD)
    expect(await readContext('prod')).toEqual(PROD)
    expect(await modeOf('contexts', 'prod.json')).toBe('600')
    expect([await modeOf('contexts'), await modeOf()]).toEqual(['700', '700'])
  })

  it('closes a folder that others could read', async () => {
    await mkdir(join(home, 'reactor/contexts'), { recursive: true })
    await chmod(join(home, 'reactor/contexts'), 0o755)
    await writeContext('prod', PROD)
    expect(await modeOf('contexts')).toBe('700')
  })

  it('that cannot be read is an error that names the file', async () => {
    await mkdir(join(home, 'reactor/contexts/prod.json'), { recursive: true })
    await mkdir(join(home, 'reactor/context'))
    for (const read of [() => readContext('prod'), chosenContext])
      await expect(read()).rejects.toMatchObject({
        code: 'unreadable',
        message: expect.stringContaining(join(home, 'reactor/context')),
      })
  })

  it('that lies in no folder is an error too', async () => {
    await mkdir(join(home, 'reactor'))
    await writeFile(join(home, 'reactor/contexts'), '')
    await expect(contextNames()).rejects.toMatchObject({ code: 'unreadable' })
  })

  it('is one of a sorted list, until it is removed', async () => {
    expect(await contextNames()).toEqual([])
    for (const name of ['b', 'a', 'c.example']) await writeContext(name, PROD)
    expect(await contextNames()).toEqual(['a', 'b', 'c.example'])
    expect(await removeContext('b')).toBe(true)
    expect(await removeContext('b')).toBe(false)
    expect(await contextNames()).toEqual(['a', 'c.example'])
    expect(await findContext('b')).toBeUndefined()
  })

  it('is chosen until another is, or it is removed', async () => {
    await writeContext('a', PROD)
    await writeContext('b', PROD)
    expect(await chosenContext()).toBeUndefined()
    await chooseContext('a')
    expect(await chosenContext()).toBe('a')
    await removeContext('b')
    expect(await chosenContext()).toBe('a')
    await removeContext('a')
    expect(await chosenContext()).toBeUndefined()
  })

  it('that is not there is refused with those that are', async () => {
    await expect(readContext('prod')).rejects.toMatchObject({ code: 'not_found', message: /there are none/ })
    await writeContext('prod', PROD)
    await expect(readContext('prood')).rejects.toMatchObject({
      code: 'not_found',
      message: "there is no context 'prood'; there are prod. Did you mean 'prod'? 'reactor context add' makes one",
    })
  })

  it.each(['', '..', '../x', 'a/b', '.hidden', 'a b', 'é', 'x'.repeat(65)])('has no name like %j', async name => {
    await expect(writeContext(name, PROD)).rejects.toMatchObject({ code: 'usage' })
    await expect(readContext(name)).rejects.toMatchObject({ code: 'usage' })
  })

  it.each([
    ['{oops', /is damaged/],
    ['[]', /it is no map/],
    ['{}', /'server' is missing/],
    ['{"server": "x", "sed": "/a"}', /unknown key 'sed'\. Did you mean 'seed'\?/],
    ['{"server": "x", "user": 7}', /'user' is no text/],
    ['{"server": "x", "tls": {"cafile": "/a"}}', /unknown key 'tls\.cafile'/],
    ['{"server": "x", "seed": "/a", "password_file": "/b"}', /are two logins/],
  ])('that reads %s is refused, with its file', async (text, message) => {
    await mkdir(join(home, 'reactor/contexts'), { recursive: true })
    const file = join(home, 'reactor/contexts/bad.json')
    await writeFile(file, text)
    await expect(readContext('bad')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
    await expect(readContext('bad')).rejects.toThrow(file)
    expect(await removeContext('bad')).toBe(true)
  })

  it('leaves nothing half-written beside it', async () => {
    await writeContext('prod', PROD)
    await writeContext('prod', { server: 'nats://other' })
    expect(await readFile(join(home, 'reactor/contexts/prod.json'), 'utf8')).toBe('{\n  "server": "nats://other"\n}\n')
    expect(await contextNames()).toEqual(['prod'])
  })
})

describe('the folder of contexts', () => {
  it('is in ~/.config where XDG_CONFIG_HOME says no whole path', () => {
    expect(configFolder({ XDG_CONFIG_HOME: 'here' })).toMatch(/^\/.*\/\.config\/reactor$/)
    expect(configFolder({})).toMatch(/^\/.*\/\.config\/reactor$/)
    expect(configFolder({ XDG_CONFIG_HOME: '/cfg' })).toBe('/cfg/reactor')
  })
})
