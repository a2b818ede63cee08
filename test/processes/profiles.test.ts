import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { loadProfiles, shownConfig } from '../../src/processes/profiles.ts'

const SECRET = 'hunter2-hunter2'
const shown = (config: Record<string, unknown>) => shownConfig(parseConfig(config, 'reactor.yaml'))

describe('the config as it is shown', () => {
  it.each([
    ['the seed', { seed: SECRET }],
    ['the password of a server', { servers: [`nats://u:${SECRET}@h:4222`] }],
    ['a password of a mail server', { profiles: { smtp: { ops: { host: 'h', username: 'u', password: SECRET } } } }],
    ['a password of an HTTP service', { profiles: { http: { hook: { username: 'u', password: SECRET } } } }],
    ['a bearer token', { profiles: { http: { hook: { bearer: SECRET } } } }],
    ['a header', { profiles: { http: { hook: { headers: { 'X-Whatever': SECRET } } } } }],
    ['the password in an address', { profiles: { http: { hook: { url: `https://u:${SECRET}@example.com/` } } } }],
    ['the path of an address', { profiles: { http: { chat: { url: `https://chat.example.com/hooks/${SECRET}` } } } }],
    ['the query of an address', { profiles: { http: { chat: { url: `https://chat.example.com/?k=${SECRET}` } } } }],
    ['an address that is none', { profiles: { http: { hook: { url: SECRET } } } }],
    ['a setting of a module', { minion: { module_config: { db: { hosts: [{ password: SECRET }] } } } }],
    ['the join token of a provider', { cloud: { providers: { east: { driver: 'x', minion: { join: SECRET } } } } }],
    ['the join token of a profile', { cloud: { profiles: { small: { provider: 'x', minion: { join: SECRET } } } } }],
    [
      'the password of a server for new machines',
      { cloud: { providers: { east: { driver: 'x', minion: { servers: [`nats://u:${SECRET}@h:4222`] } } } } },
    ],
    [
      'what a driver alone knows to be secret',
      { cloud: { providers: { east: { driver: 'x', blob: { a: SECRET } } } } },
    ],
    ['the same in a profile', { cloud: { profiles: { small: { provider: 'x', blob: SECRET } } } }],
    ['an argument of a schedule', { schedule: { s: { function: 'runner.a.b', kwargs: { token: SECRET }, days: 1 } } }],
  ])('holds no secret: %s', (_what, config) => {
    expect(JSON.stringify(parseConfig(config, 'reactor.yaml'))).toContain(SECRET)
    expect(JSON.stringify(shown(config))).not.toContain(SECRET)
  })

  it('says where a secret lies that it does not hold', () => {
    const hook = {
      url: { env: 'HOOK_URL' },
      bearer: { file: '/run/secrets/hook' },
      headers: { 'X-Key': { env: 'HOOK_KEY' } },
    }
    expect(shown({ profiles: { http: { hook } } }).profiles).toEqual({ smtp: {}, http: { hook } })
  })

  it('keeps everything else', () => {
    const config = {
      namespace: 'mine',
      servers: ['nats://n1:4222'],
      operators: { [createUser().getPublicKey()]: 'ada' },
      master: { lost_after: '1m' },
      minion: { id: 'web1', grains: { role: 'web' }, module_config: { service: { init_dir: '/etc/init.d' } } },
      profiles: {
        smtp: { ops: { host: 'mail.example.com', port: 25, from: 'ops@example.com', username: 'u', password: SECRET } },
        http: { hook: { url: 'https://example.com/v1', headers: { 'X-Key': SECRET }, verify_ssl: true } },
      },
    }
    const parsed = parseConfig(config, 'reactor.yaml')
    const found = shownConfig(parsed)
    expect(Object.keys(found).sort()).toEqual(Object.keys(parsed).sort())
    const { profiles, ...rest } = found
    const { profiles: _profiles, ...wanted } = parsed
    expect(rest).toEqual(wanted)
    expect(profiles).toEqual({
      smtp: { ops: { ...config.profiles.smtp.ops, password: '[redacted]' } },
      http: { hook: { url: 'https://example.com/…', headers: { 'X-Key': '[redacted]' }, verify_ssl: true } },
    })
  })
})

it('the config as it is shown says which provider and driver machines are of, and what their minions are like', () => {
  const grains = { role: 'web' }
  const cloud = {
    providers: { east: { driver: 'process', most: 3, minion: { grains } } },
    profiles: { small: { provider: 'east', size: 96, minion: { servers: ['nats://u:p@h:1', 'nats://h:2'] } } },
  }
  expect(shown({ cloud }).cloud).toMatchObject({
    providers: { east: { driver: 'process', most: '[redacted]', minion: { grains } } },
    profiles: { small: { provider: 'east', size: '[redacted]', minion: { servers: ['nats://h:1', 'nats://h:2'] } } },
  })
})

describe('the profiles of a config', () => {
  it('are refused by the name of the one that is wrong, and without its secret', async () => {
    const config = parseConfig(
      { profiles: { http: { hook: { url: `https://u:${SECRET}@example.com` } } } },
      'reactor.yaml',
    )
    const failure = await loadProfiles(config).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("http profile 'hook': url: holds a user or password"),
    })
    expect(String(failure)).not.toContain(SECRET)
  })

  it('are refused where the variable that holds a secret is not set', async () => {
    const config = parseConfig(
      { profiles: { http: { hook: { url: 'https://example.com', bearer: { env: 'REACTOR_TEST_UNSET' } } } } },
      'reactor.yaml',
    )
    await expect(loadProfiles(config)).rejects.toThrow(/hook.*REACTOR_TEST_UNSET/)
  })
})

it('the config as it is shown holds no join token', () => {
  const config = parseConfig({ minion: { id: 'web1', join: SECRET } }, 'reactor.yaml')
  expect(shownConfig(config).minion).toEqual({ ...config.minion, join: '[redacted]' })
})
