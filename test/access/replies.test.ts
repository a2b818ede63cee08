// Replies are not permission-checked inside an account: what a sender can still aim them at, and that it comes to nothing.
import { jetstreamManager } from '@nats-io/jetstream'
import { headers, type Msg } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { requestInfo } from '../../src/bus/requester.ts'
import { refusalOf } from '../../src/minion/attest.ts'
import { newEventId } from '../../src/protocol/event.ts'
import { NO_GRANTS } from '../../src/protocol/role.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { openAuthority } from '../helpers/authority.ts'
import { createSeen } from '../helpers/wait.ts'

let accounts: Accounts

beforeAll(async () => {
  accounts = await startAccounts()
  const { nc } = accounts.actors.core
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  // The worst service there could be: its reply is what the caller sent, headers included.
  nc.subscribe('reactor.grains.*', {
    callback: (_, message) =>
      void message.respond(message.data, message.headers ? { headers: message.headers } : undefined),
  })
  await nc.flush()
})

afterAll(() => accounts?.stop())

const storedSubjects = async () => {
  const jsm = await jetstreamManager(accounts.actors.core.nc)
  const { state } = await jsm.streams.info('reactor_EVENTS', { subjects_filter: '>' })
  return Object.keys(state.subjects ?? {}).sort()
}

describe('a reply subject aimed at an event', () => {
  it.each([
    ['m1', 'reactor.event._master.salt.key'],
    ['m1', 'reactor.event.m2.salt.minion.m2.start'],
    ['admin', 'reactor.event._master.salt.key'],
    ['admin', 'reactor.event._user-guest.x'],
  ] as const)('of %s to %s stores nothing there', async (who, reply) => {
    const { nc } = accounts.actors[who]
    const own = who === 'm1' ? 'reactor.event.m1.own' : 'reactor.event._user-admin.own'
    const before = (await storedSubjects()).filter(subject => !subject.endsWith('.own'))
    nc.publish(own, '{}', { reply })
    if (who === 'm1') nc.publish('reactor.grains.m1', '{"data":{}}', { reply })
    // The acks of these come after whatever the first two led to.
    for (let i = 0; i < 3; i++) await nc.request(own, '{}', { timeout: 30_000 })
    await accounts.actors.core.nc.request('reactor.event._jobs.own', '{}', { timeout: 30_000 })
    const after = await storedSubjects()
    expect(after).toContain(own)
    expect(after.filter(subject => !subject.endsWith('.own'))).toEqual(before)
  })
})

describe('a job', () => {
  const JOB = JSON.stringify({ jid: '20261120091820838387', fun: 'cmd.run', arg: ['id'], kwarg: {}, deadline: 9e15 })
  const jobsOfM2 = async () => {
    const seen = createSeen<Msg>()
    const { nc } = accounts.actors.m2
    const subscription = nc.subscribe('reactor.job.m2', {
      callback: (error, message) => {
        if (error) return
        seen.push(message)
        message.respond('{"accepted":true}')
      },
    })
    await nc.flush()
    return { seen, stop: () => subscription.unsubscribe() }
  }

  it('that comes from CORE is taken', async () => {
    const { seen, stop } = await jobsOfM2()
    const answer = await accounts.actors.core.nc.request('reactor.job.m2', JOB, { timeout: 30_000 })
    expect(answer.json()).toEqual({ accepted: true })
    const [message] = await seen.reach(1)
    expect(refusalOf(message!, 'accounts')).toBeUndefined()
    stop()
  })

  it('for a minion that is away has no responder', async () => {
    await expect(accounts.actors.core.nc.request('reactor.job.m1', JOB, { timeout: 30_000 })).rejects.toThrow(
      /no responders/i,
    )
  })

  it('that another minion aimed through a reply arrives, and is refused', async () => {
    const { seen, stop } = await jobsOfM2()
    accounts.actors.m1.nc.publish('reactor.grains.m1', JOB, { reply: 'reactor.job.m2' })
    const message = await seen.find(one => one.string() === JOB, 'the forged job')
    expect(refusalOf(message, 'accounts')).toMatch(/does not attest/)
    stop()
  })

  it('that another minion aimed, with the attestation forged, is refused by its reply', async () => {
    const { seen, stop } = await jobsOfM2()
    const forged = headers()
    forged.set('Nats-Request-Info', JSON.stringify({ acc: 'CORE', user: 'root' }))
    forged.set('Reactor-Forged', '1')
    const { m1 } = accounts.actors
    m1.nc.publish('reactor.grains.m1', JOB, { reply: 'reactor.job.m2', headers: forged })
    const message = await seen.find(one => one.string() === JOB, 'the forged job')
    expect(message.headers?.get('Reactor-Forged')).toBe('1')
    expect(refusalOf(message, 'accounts')).toMatch(/does not attest|its reply subject/)
    stop()
  })

  it("that holds the ack of another's event is refused", async () => {
    const { seen, stop } = await jobsOfM2()
    const id = headers()
    id.set('Nats-Msg-Id', newEventId())
    accounts.actors.m1.nc.publish('reactor.event.m1.x', '{}', { reply: 'reactor.job.m2', headers: id })
    const message = await seen.find(one => one.string().includes('"stream"'), 'the ack')
    expect(refusalOf(message, 'accounts')).toMatch(/does not attest/)
    stop()
  })
})

describe('attestation without a server', () => {
  const message = (reply: string | undefined, info: unknown) => {
    const made = headers()
    if (info !== undefined) made.set('Nats-Request-Info', typeof info === 'string' ? info : JSON.stringify(info))
    return { reply, headers: made } as unknown as Msg
  }

  it.each([
    ['no attestation', message('_R_.a', undefined), /does not attest/],
    ['another account', message('_R_.a', { acc: 'FLEET' }), /does not attest/],
    ['an attestation that is no JSON', message('_R_.a', '{'), /does not attest/],
    ['a reply of another kind', message('_INBOX_m1.a', { acc: 'CORE' }), /its reply subject/],
    ['no reply', message(undefined, { acc: 'CORE' }), /its reply subject/],
  ])('refuses %s', (_what, forged, reason) => {
    expect(refusalOf(forged, 'accounts')).toMatch(reason)
  })

  it('refuses a header block that cannot be read, and does not throw', () => {
    const malformed = {
      reply: '_R_.a',
      get headers(): never {
        throw new Error('bad header')
      },
    } as unknown as Msg
    expect(refusalOf(malformed, 'accounts')).toMatch(/does not attest/)
  })

  it.each(['{', 'null', '[]', '5', '{"acc":{}}'])(
    'that cannot be read (%s) names nobody, and is not taken for CORE',
    info => {
      const { headers: made } = message('_R_.a', info)
      made!.set('Reactor-User', 'root')
      expect(requestInfo(made)).not.toMatchObject({ acc: 'CORE' })
      const asker = openAuthority().asker(made)
      expect({ user: asker.user, grants: asker.grants() }).toEqual({ user: 'unknown', grants: NO_GRANTS })
    },
  )

  it('is not asked for where isolation is none', () => {
    expect(refusalOf(message(undefined, undefined), 'none')).toBeUndefined()
  })
})
