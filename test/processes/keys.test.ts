import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAccount, createUser } from '@nats-io/nkeys'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createAudit } from '../../src/audit/audit.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { configSchema } from '../../src/config/schema.ts'
import { openMinionBucket, openPillarBucket } from '../../src/fleet/registry.ts'
import { openMasterKeys } from '../../src/processes/keys.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { fingerprint } from '../../src/protocol/key.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { escapeId } from '../../src/protocol/token.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'

const NS = 'reactor'
let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
  await provisionStreams(accounts.actors.core.nc, NS, DEFAULT_LIMITS)
})
afterAll(() => accounts.stop())

const nkey = createUser().getPublicKey()

async function open(master: Record<string, unknown> = {}) {
  const { nc } = accounts.actors._master
  const publisher = createPublisher(nc)
  const fire = createFire(publisher, createSubjects(NS), serviceOrigin('_master'))
  const { log, lines } = keptLog()
  const events = createSeen<Event>()
  const live = `${NS}.live.`
  const subscription = accounts.actors.core.nc.subscribe(`${live}>`, {
    callback: (_error, message) => {
      const { subject, headers } = message
      const text = () => message.string()
      const read = readEvent(live, { subject, text, header: name => headers?.get(name), storedMs: 0, seq: 1 })
      if (read.ok) events.push(read.event)
    },
  })
  await accounts.actors.core.nc.flush()
  const config = configSchema.parse({ master })
  const parts = { nc, fire, audit: createAudit(fire, log), clock: systemClock, log }
  const keys = await openMasterKeys(parts, config)
  onTestFinished(async () => {
    subscription.unsubscribe()
    await keys.stop()
    publisher.stop()
  })
  const caller = { user: 'ada', source: 'OPS', cause: '20260101000000000000', hops: 1 }
  return { ...keys, keys: keys.keys(caller), tokens: keys.tokens(caller), events, lines }
}

describe('the keys of a master, within the rights that it has', () => {
  it('come, are accepted and deleted, with their events, and leave neither grains nor pillar', async () => {
    const { admit, keys, tokens, events } = await open()
    expect(await admit({ id: 'web1.example.com', nkey })).toMatchObject({ act: 'pend' })
    await keys.accept('web1*', { rejected: false, denied: false })
    expect(await admit({ id: 'web1.example.com', nkey })).toMatchObject({ act: 'accept' })
    const accepted = await events.find(({ tag }) => tag === 'salt/key', 'salt/key')
    expect(accepted).toMatchObject({
      origin: { kind: 'service', id: '_master' },
      data: { id: 'web1.example.com', act: 'accept', result: true },
      cause: '20260101000000000000',
      hops: 2,
    })
    const audited = await events.find(({ tag }) => tag === 'salt/audit/key', 'the record')
    expect(audited.data).toMatchObject({
      user: 'ada',
      source: 'OPS',
      action: 'key.accept',
      about: ['web1.example.com'],
    })

    const minions = await openMinionBucket(accounts.actors.core.nc, NS, 1)
    await minions.put(escapeId('web1.example.com'), '{"id":"web1.example.com","grains":{}}')
    const pillars = await openPillarBucket(accounts.actors.core.nc, NS, 1)
    await pillars.put(escapeId('web1.example.com'), '{"id":"web1.example.com","pillar":{}}')
    expect(await keys.delete('web1*')).toEqual({ minions: ['web1.example.com'] })
    expect((await pillars.get(escapeId('web1.example.com')))?.operation).toBe('DEL')
    expect((await minions.get(escapeId('web1.example.com')))?.operation).toBe('DEL')
    expect(await admit({ id: 'web1.example.com', nkey })).toMatchObject({ act: 'pend' })
    await keys.delete('*')

    const { token, name } = await tokens.create({ ids: '*', uses: 1, expiresMs: 60_000, by: 'ada' })
    expect(await admit({ id: 'web2', nkey, join: token })).toMatchObject({ act: 'accept' })
    expect(await tokens.revoke(name)).toBe(true)
    await keys.delete('*')
    expect([...accounts.actors._master.refused]).toEqual([])
  })

  it('raise an alarm when more are pending than are kept', async () => {
    const { admit, keys, events } = await open({ max_pending: 2 })
    for (const id of ['f1', 'f2', 'f3']) await admit({ id, nkey })
    const alarm = await events.find(({ tag }) => tag === 'salt/alarm/keys/pending_full', 'the alarm')
    expect(alarm.data).toEqual({ dropped: 1, ids: ['f1'], max_pending: 2 })
    expect(await keys.delete('*')).toEqual({ minions_pre: ['f2', 'f3'] })
  })

  it('begin with those of the config, and know the key that signs logins', async () => {
    const issuer = createAccount()
    const file = join(await testFolder(), 'issuer.nk')
    await writeFile(file, new TextDecoder().decode(issuer.getSeed()), { mode: 0o600 })
    const { admit, keys } = await open({ accepted_keys: { web9: nkey }, callout: { seed: 'unused', issuer: file } })
    expect(await admit({ id: 'web9', nkey })).toMatchObject({ act: 'accept' })
    expect(fingerprint(keys.master()!)).toBe(fingerprint(issuer.getPublicKey()))
    await keys.delete('*')
  })

  it('of the config are on record, and do not come back at the next start once they were deleted', async () => {
    const config = { accepted_keys: { web8: nkey } }
    const first = await open(config)
    const recorded = await first.events.find(
      ({ tag, data }) => tag === 'salt/audit/key' && data.user === 'config',
      'the record of the seeding',
    )
    expect(recorded.data).toMatchObject({ action: 'key.accept', result: 'ok', about: ['web8'] })
    expect(await first.admit({ id: 'web8', nkey })).toMatchObject({ act: 'accept' })
    expect(await first.keys.delete('web8')).toEqual({ minions: ['web8'] })
    const next = await open(config)
    expect(next.keys.lists('web8')).toEqual({})
    expect(await next.admit({ id: 'web8', nkey })).toMatchObject({ act: 'pend' })
    expect(await next.keys.accept('web8', { rejected: false, denied: false })).toEqual({ minions: ['web8'] })
    expect(await next.admit({ id: 'web8', nkey })).toMatchObject({ act: 'accept' })
    await next.keys.delete('web8')
  })

  it('do not open with a key that signs for nobody', async () => {
    const file = join(await testFolder(), 'issuer.nk')
    await expect(open({ callout: { seed: 'unused', issuer: file } })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(file),
    })
    await writeFile(file, new TextDecoder().decode(createUser().getSeed()), { mode: 0o600 })
    await expect(open({ callout: { seed: 'unused', issuer: file } })).rejects.toMatchObject({ code: 'bad_config' })
  })
})
