// An operator who is no admin: what the server itself holds them to, whatever client they use.
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { createSeen } from '../helpers/wait.ts'

let accounts: Accounts
let core: NatsConnection
beforeAll(async () => {
  accounts = await startAccounts()
  core = accounts.actors.core.nc
  await provisionStreams(core, 'reactor', DEFAULT_LIMITS)
})
afterAll(() => accounts?.stop())

describe('who may read deploy/** and salt/job/*/ret/*, and fire deploy/*', () => {
  it.each(['reactor.event._user-reader.deploy.web', 'reactor.event._user-reader.deploy.a=2Eb'])(
    'fires %s',
    async subject => {
      const answer = await accounts.actors.reader.nc.request(subject, '{}', { timeout: 30_000 })
      expect(answer.json()).toMatchObject({ stream: 'reactor_EVENTS' })
    },
  )

  it.each([
    'event._user-reader.deploy',
    'event._user-reader.deploy.web.done',
    'event._user-reader.salt.key',
    'event._user-admin.deploy.web',
    'event._master.deploy.web',
    'event.m1.deploy.web',
    'event.*.deploy.web',
  ])('does not fire reactor.%s', async subject => {
    expect(await accounts.actors.reader.refusedPublish(`reactor.${subject}`)).toBe(true)
  })

  it('hears of all that is stored what they may read', async () => {
    const heard = createSeen<string>()
    const { nc } = accounts.actors.reader
    for (const subject of ['reactor.live.*.deploy', 'reactor.live.*.deploy.>', 'reactor.live.*.salt.job.1.ret.*'])
      nc.subscribe(subject, { callback: (_, message) => heard.push(message.subject) })
    await nc.flush()
    for (const tokens of ['m1.salt.auth', 'm1.deploy', '_master.deploy.a.b', 'm1.salt.job.1.ret.m1', 'm1.deploy.end'])
      await core.request(`reactor.event.${tokens}`, '{}', { timeout: 30_000 })
    await heard.find(subject => subject.endsWith('.end'), 'the last of them')
    expect(heard.items).toEqual([
      'reactor.live.m1.deploy',
      'reactor.live._master.deploy.a.b',
      'reactor.live.m1.salt.job.1.ret.m1',
      'reactor.live.m1.deploy.end',
    ])
  })

  it.each([
    'reactor.live.>',
    'reactor.live.*.>',
    'reactor.live.m1.>',
    'reactor.live.*.salt.>',
    'reactor.live.*.salt.job.1.>',
    'reactor.live.*.salt.job.1.new',
    'reactor.live.*.*.web',
    'reactor.decision.>',
    'reactor.decision.done.*',
    '_INBOX__user-admin.>',
    '>',
  ])('does not hear %s', async subject => {
    expect(await accounts.actors.reader.refusedSubscribe(subject)).toBe(true)
  })
})

it('who may read everything hears every event and every decision', async () => {
  const { guest } = accounts.actors
  for (const subject of ['reactor.live.>', 'reactor.live.*.salt.job.1.>', 'reactor.decision.>'])
    expect(await guest.refusedSubscribe(subject)).toBe(false)
})
