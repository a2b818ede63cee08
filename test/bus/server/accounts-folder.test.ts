import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeAccounts } from '../../../src/bus/server/accounts-folder.ts'
import { testFolder } from '../../helpers/folder.ts'

const SEEDS = ['admin', 'cache', 'callout', 'gateway', 'issuer', 'jobs', 'master', 'reactor', 'schedule'].map(
  name => `${name}.nk`,
)

describe('the folder of accounts', () => {
  it('gets a seed for each process, for its owner alone, and a config without any secret', async () => {
    const dir = await testFolder()
    const { config, outcome, namespace, identities, seedFile } = await writeAccounts(dir)
    expect({ outcome, namespace }).toEqual({ outcome: 'made', namespace: 'reactor' })
    expect((await readdir(join(dir, 'keys'))).sort()).toEqual(SEEDS)
    const text = await readFile(config, 'utf8')
    for (const name of SEEDS) {
      const file = join(dir, 'keys', name)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(text).not.toContain((await readFile(file, 'utf8')).trim())
    }
    for (const key of [identities.admin, identities.callout.issuer, ...Object.values(identities.services)])
      expect(text).toContain(key)
    expect(await readFile(seedFile('issuer'), 'utf8')).toMatch(/^SA/)
  })

  it('stays as it is the second time, namespace included', async () => {
    const dir = await testFolder()
    const first = await writeAccounts(dir, 'prod')
    const second = await writeAccounts(dir)
    expect(second).toMatchObject({ outcome: 'unchanged', namespace: 'prod', identities: first.identities })
  })

  it('keeps its keys and brings the config up to date', async () => {
    const dir = await testFolder()
    const first = await writeAccounts(dir, 'prod')
    const text = await readFile(first.config, 'utf8')
    await writeFile(first.config, text.replace(first.identities.admin, 'UNKNOWN'))
    const second = await writeAccounts(dir)
    expect(second).toMatchObject({ outcome: 'updated', namespace: 'prod', identities: first.identities })
    expect(await readFile(second.config, 'utf8')).toBe(text)
    expect(await writeAccounts(dir, 'test')).toMatchObject({ outcome: 'updated', namespace: 'test' })
    expect(await readFile(second.config, 'utf8')).not.toContain('prod.')
  })

  it('refuses a namespace that is none, and a file that holds no seed', async () => {
    const dir = await testFolder()
    await expect(writeAccounts(dir, 'a.b')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("'a.b'"),
    })
    await writeAccounts(dir)
    await writeFile(join(dir, 'keys', 'jobs.nk'), 'nonsense')
    await expect(writeAccounts(dir)).rejects.toMatchObject({ code: 'bad_config' })
  })

  it('says that it cannot be written', async () => {
    const file = join(await testFolder(), 'file')
    await writeFile(file, '')
    await expect(writeAccounts(join(file, 'accounts'))).rejects.toMatchObject({ code: 'unwritable' })
  })
})
