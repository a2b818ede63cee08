import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { accountsConfig, serverConfig } from '../../../src/bus/server/config.ts'
import { makeIdentities, SERVICE_NAMES } from '../../../src/bus/server/identities.ts'
import { testFolder } from '../../helpers/folder.ts'

const at = (dir: string) => (name: string) => join(dir, 'keys', `${name}.nk`)

describe('the identities of an installation', () => {
  it('are made once, of mode 0600, and read from then on', async () => {
    const dir = await testFolder()
    const made = await makeIdentities(at(dir))
    const files = await readdir(join(dir, 'keys'))
    expect(files.sort()).toEqual([...SERVICE_NAMES, 'admin', 'callout', 'issuer'].map(name => `${name}.nk`).sort())
    for (const file of files) expect((await stat(join(dir, 'keys', file))).mode & 0o777, file).toBe(0o600)
    expect(await makeIdentities(at(dir))).toEqual(made)
    expect(made.operators).toEqual([{ name: 'admin', nkey: made.admin }])
    expect(new Set([...Object.values(made.services), made.admin, made.callout.user, made.callout.issuer]).size).toBe(9)
  })

  it('have an issuer that is an account, and users for all else', async () => {
    const made = await makeIdentities(at(await testFolder()))
    expect(made.callout.issuer).toMatch(/^A[A-Z2-7]{55}$/)
    for (const nkey of [...Object.values(made.services), made.admin, made.callout.user])
      expect(nkey).toMatch(/^U[A-Z2-7]{55}$/)
  })

  it.each([
    ['issuer', 'holds the seed of something other than an account: give it a seed that begins with SA'],
    ['admin', 'holds no nkey seed'],
  ])('are refused where the file of %s holds another thing', async (name, message) => {
    const dir = await testFolder()
    await makeIdentities(at(dir))
    const user = new TextDecoder().decode(createUser().getSeed())
    await writeFile(at(dir)(name), name === 'issuer' ? user : 'nonsense')
    await expect(makeIdentities(at(dir))).rejects.toThrow(message)
    await expect(makeIdentities(at(dir))).rejects.toMatchObject({ code: 'bad_config' })
  })

  it('never put a seed into the config of the server', async () => {
    const dir = await testFolder()
    const identities = await makeIdentities(at(dir))
    const paths = { storeDir: 's', portsDir: 'p', pidFile: 'f', host: '127.0.0.1', port: 0 }
    const configs = [
      serverConfig({ namespace: 'reactor', ...paths, identities }),
      accountsConfig('reactor', identities),
    ]
    for (const file of await readdir(join(dir, 'keys'))) {
      const seed = (await readFile(join(dir, 'keys', file), 'utf8')).trim()
      for (const config of configs) expect(config).not.toContain(seed)
    }
  })
})

describe('the generated config', () => {
  it('asks the callout about everybody but those whom it names', async () => {
    const identities = await makeIdentities(at(await testFolder()))
    const minion = { id: 'm1', nkey: createUser().getPublicKey() }
    const { accounts, authorization } = JSON.parse(accountsConfig('reactor', { ...identities, minions: [minion] }))
    const users = Object.values<{ users: { nkey: string }[] }>(accounts).flatMap(account => account.users)
    expect(authorization.auth_callout.auth_users.sort()).toEqual(users.map(({ nkey }) => nkey).sort())
    expect(authorization.auth_callout).toMatchObject({ issuer: identities.callout.issuer, account: 'AUTH' })
    expect(users).toHaveLength(9)
  })

  it('bounds the subscriptions of minions and operators, and not those of services', async () => {
    const identities = await makeIdentities(at(await testFolder()))
    const { accounts } = JSON.parse(accountsConfig('reactor', identities))
    expect(accounts.FLEET.limits).toEqual({ max_subscriptions: 64 })
    expect(accounts.OPS.limits).toEqual({ max_subscriptions: 512 })
    expect(accounts.CORE.limits).toBeUndefined()
  })

  it('bounds connections, messages and memory as deploy/nats does', async () => {
    const folder = await testFolder()
    const paths = { storeDir: folder, portsDir: folder, pidFile: join(folder, 'pid') }
    const config = JSON.parse(serverConfig({ namespace: 'reactor', host: '127.0.0.1', port: 0, ...paths }))
    const common = await readFile(join(import.meta.dirname, '../../../deploy/nats/common.conf'), 'utf8')
    const deployed = (name: string) => new RegExp(`^ *${name}: (\\S+)$`, 'm').exec(common)?.[1]
    expect(String(config.max_connections)).toBe(deployed('max_connections'))
    expect(`${config.max_payload / 1024 ** 2}MB`).toBe(deployed('max_payload'))
    expect(`${config.jetstream.max_memory_store / 1024 ** 2}MB`).toBe(deployed('max_memory_store'))
  })

  it('gives every user permissions, and no list that is empty, which would allow everything', async () => {
    const identities = await makeIdentities(at(await testFolder()))
    const { accounts } = JSON.parse(accountsConfig('reactor', identities))
    for (const { users } of Object.values<{ users: { permissions?: Record<string, { allow: string[] }> }[] }>(
      accounts,
    )) {
      for (const { permissions } of users) {
        expect(permissions?.publish?.allow.length).toBeGreaterThan(0)
        expect(permissions?.subscribe?.allow.length).toBeGreaterThan(0)
      }
    }
  })

  it('has no callout where none is given', async () => {
    const { callout: _, ...identities } = await makeIdentities(at(await testFolder()))
    const config = JSON.parse(accountsConfig('reactor', identities))
    expect(config.authorization).toBeUndefined()
    expect(config.accounts.AUTH.users).toEqual([])
  })
})
