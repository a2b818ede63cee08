import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { identityIn } from '../../src/bus/identity.ts'
import { parseConfig } from '../../src/config/load.ts'
import { minionLogin } from '../../src/minion/login.ts'
import { fingerprint } from '../../src/protocol/key.ts'
import { decodeMinionLogin } from '../../src/protocol/login.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

const GRAINS = { os: 'Debian', cpus: 4, virtual: false, roles: ['web'], net: { eth0: ['10.0.0.1'] } }

/** A minion `web1` in a folder of its own; the login as it would say it. */
async function minion(settings: Record<string, unknown> = {}, top: Record<string, unknown> = {}) {
  const dir = await testFolder()
  const config = parseConfig({ minion: { id: 'web1', dir, ...settings }, ...top }, 'test')
  const { log, lines } = keptLog()
  return { dir, log, lines, login: () => minionLogin(config, GRAINS, log) }
}

describe('the login of a minion', () => {
  it('is its id and a key that it has made in its folder', async () => {
    const { dir, login } = await minion()
    const { refusedAdvice, ...said } = await login()
    expect(said).toEqual({ seedFile: join(dir, 'minion.nk'), user: 'minion:web1', password: '' })
    const nkey = await identityIn(join(dir, 'minion.nk'))
    expect(refusedAdvice).toContain("'reactor key accept web1'")
    expect(refusedAdvice).toContain(fingerprint(nkey))
    expect(refusedAdvice).toContain('rejected')
    expect(refusedAdvice).not.toContain('token')
  })

  it('is by the key that the config names, made there if it is missing', async () => {
    const seed = join(await testFolder(), 'web1.nk')
    const { dir, login } = await minion({}, { seed })
    expect((await login()).seedFile).toBe(seed)
    await identityIn(seed)
    await expect(rm(join(dir, 'minion.nk'))).rejects.toThrow('ENOENT')
  })

  it('is anonymous where there are no accounts, and no key is made', async () => {
    const { dir, login } = await minion({ join: 'rjt_x' }, { isolation: 'none' })
    expect(await login()).toEqual({ seedFile: undefined })
    await expect(rm(join(dir, 'minion.nk'))).rejects.toThrow('ENOENT')
  })

  it('shows a join token, given as text or by the file that holds it', async () => {
    const text = await minion({ join: 'rjt_abc' })
    expect(decodeMinionLogin((await text.login()).password!)).toEqual({ join: 'rjt_abc', grains: {} })
    expect((await text.login()).refusedAdvice).toContain('a join token that is used up')
    const file = join(await testFolder(), 'token')
    await writeFile(file, 'rjt_def\n')
    const byFile = await minion({ join: `@${file}` })
    expect(decodeMinionLogin((await byFile.login()).password!)).toEqual({ join: 'rjt_def', grains: {} })
  })

  it('goes without a token whose file is gone, and says so', async () => {
    const { login, lines } = await minion({ join: '@/nowhere/token' })
    expect((await login()).password).toBe('')
    expect(lines.items).toMatchObject([{ file: '/nowhere/token', msg: expect.stringContaining('by the key alone') }])
  })

  it('refuses a file with no token in it, and one that cannot be read', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'token'), '\n')
    const empty = await minion({ join: `@${dir}/token` })
    await expect(empty.login()).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('is empty'),
    })
    const folder = await minion({ join: `@${dir}` })
    await expect(folder.login()).rejects.toMatchObject({ code: 'bad_config', message: expect.stringContaining(dir) })
  })

  it('shows the grains that are asked for, as texts, and names those that it cannot show', async () => {
    const { login, lines } = await minion({ autosign_grains: ['os', 'cpus', 'virtual', 'net:eth0:0', 'roles', 'nope'] })
    expect(decodeMinionLogin((await login()).password!)).toEqual({
      grains: { os: 'Debian', cpus: '4', virtual: 'false', 'net:eth0:0': '10.0.0.1' },
    })
    expect(lines.items.map(({ grain }) => grain)).toEqual(['roles', 'nope'])
  })

  it('refuses what no login has room for', async () => {
    const { login } = await minion({ join: 'x'.repeat(8000) })
    await expect(login()).rejects.toMatchObject({ code: 'bad_config', message: expect.stringContaining('too long') })
  })
})
