// A minion that is in: the subjects that it may not speak on, and those that it may not hear.
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createJidSource } from '../../src/protocol/jid.ts'
import { type Attacker, attackWith, expectWell, insider, targeted } from './attacker.ts'
import { type System, startSystem } from './system.ts'

const core = insider('CORE')
let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem({ alter: core.alter })
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())
afterEach(() => expectWell(system))

const JID = createJidSource()()

/** What it may: so that a refusal below is one of the subject. */
beforeAll(async () => {
  expect(JSON.parse(await evil.ask('reactor.event.evil.own', '{}'))).toMatchObject({ stream: 'reactor_EVENTS' })
  expect(JSON.parse(await evil.ask('reactor.grains.evil', '{"os":"Debian"}'))).toEqual({ ok: true })
  expect(await evil.refusedSubscribe('reactor.job.evil')).toBe(false)
  expect(await evil.refusedSubscribe('_INBOX_evil.mine')).toBe(false)
})

describe('an event under the name of another is refused and not stored', () => {
  it.each([
    'reactor.event.web1.forged',
    'reactor.event.web1.salt.minion.web1.start',
    `reactor.event.web1.salt.job.${JID}.ret.web1`,
    'reactor.event._master.forged',
    'reactor.event._master.salt.key',
    'reactor.event._master.salt.presence.change',
    'reactor.event._user-admin.forged',
    'reactor.event._jobs.forged',
    `reactor.event._jobs.salt.job.${JID}.new`,
    'reactor.event._gateway.forged',
    'reactor.event.evil',
    'reactor.event.*.forged',
    'reactor.event.>',
    'reactor.event.Evil.forged',
    'reactor.event.evil=2Eexample.forged',
  ])('%s', async subject => {
    const before = system.events.items.length
    expect(await evil.refusedPublish(subject, '{"data":{"forged":1}}')).toBe(true)
    // An event of its own comes after whatever the first led to.
    await evil.ask('reactor.event.evil.after', '{"data":{"after":1}}')
    await system.events.find(
      event => event.tag === 'after' && system.events.items.indexOf(event) >= before,
      'the event after it',
    )
    expect(system.events.items.filter(({ data }) => data.forged === 1)).toEqual([])
  })
})

describe('what only services say is refused', () => {
  it.each([
    'reactor.job.web1',
    'reactor.job.evil',
    'reactor.live.web1.x',
    'reactor.live._master.salt.key',
    'reactor.decision.done.w1',
    `reactor.jobs.${JID}`,
    `reactor.jobs.${JID}.web1`,
    'reactor.reaction.fast.any',
    'reactor.done.w1',
    'reactor.parked.id.rule',
    '_INBOX_web1.x.y',
    '_INBOX__master.x.y',
    '_INBOX_evil.x',
    '_R_.abcdef.ghijkl',
  ])('on %s', async subject => {
    expect(await evil.refusedPublish(subject)).toBe(true)
  })

  it('on the subject of a login', async () => {
    for (const subject of ['$SYS.REQ.USER.AUTH', '$SYS.REQ.SERVER.PING', '$SYS._INBOX.x', '$SYS.REQ.SERVER.X.KICK'])
      expect(await evil.refusedPublish(subject)).toBe(true)
  })
})

describe('what is of others cannot be asked for', () => {
  const services = ['grains', 'beat', 'missed', 'payload', 'mine', 'pillar', 'file', 'peer']
  it.each(
    services.flatMap(service => [`${service}.web1`, `${service}._jobs`, `${service}.*`, `${service}.>`, service]),
  )('%s', async name => {
    expect(await evil.refusedPublish(`reactor.${name}`, '{"os":"forged"}')).toBe(true)
    expect(await targeted(system, 'os:forged', 'grain')).toEqual([])
  })

  it.each([
    'publish',
    'runner.test.arg',
    'runner.manage.up',
    'wheel.key.list_all',
    'wheel.key.accept',
    'wheel.user.add',
    'wheel.token.create',
    'history.events',
    'history.job',
    'history.jobs',
    'history.payload',
  ])('%s, of operators', async name => {
    expect(await evil.refusedPublish(`reactor.${name}`)).toBe(true)
    await expect(evil.ask(`reactor.${name}`, '{}', undefined, 5000)).rejects.toThrow(/Permissions Violation/i)
  })

  it.each(['$SRV.PING', '$SRV.INFO', '$SRV.STATS.reactor-wheel'])('%s, which tells of the services', async subject => {
    expect(await evil.refusedPublish(subject)).toBe(true)
  })
})

describe('what is of others cannot be heard', () => {
  const subjects = [
    '>',
    '*',
    '*.>',
    '*.*.>',
    'reactor.>',
    'reactor.*.>',
    'reactor.*.evil',
    'reactor.event.>',
    'reactor.event.evil.>',
    'reactor.live.>',
    'reactor.live.evil.>',
    'reactor.decision.>',
    'reactor.job.web1',
    'reactor.job.*',
    'reactor.job.>',
    'reactor.grains.*',
    'reactor.mine.web1',
    'reactor.publish',
    'reactor.wheel.>',
    '_INBOX.>',
    '_INBOX_web1.>',
    '_INBOX_web1.*.*',
    '_INBOX_*.>',
    '_INBOX__master.>',
    '_INBOX__user-admin.>',
    '_R_.>',
    '_R_.*.>',
    '_GR_.>',
    '$SYS.>',
    '$SYS.REQ.USER.AUTH',
    '$SYS.ACCOUNT.*.CONNECT',
    '$JS.>',
    '$JS.API.>',
    '$JS.ACK.>',
    '$JS.EVENT.ADVISORY.>',
    '$KV.>',
    '$KV.reactor_keys.>',
    '$O.>',
    '$SRV.>',
    '$LDS.>',
  ]
  it.each(subjects)('%s', async subject => {
    expect(await evil.refusedSubscribe(subject)).toBe(true)
  })

  it.each([
    '>',
    'reactor.job.web1',
    'reactor.job.*',
    'reactor.live.>',
    '_INBOX_web1.>',
    'reactor.grains.*',
    '$SYS.REQ.USER.AUTH',
  ])('%s, in the queue group of those who serve it', async subject => {
    for (const queue of ['reactor-cache', 'reactor-minions', 'any', '>'])
      expect(await evil.refusedSubscribe(subject, queue)).toBe(true)
  })

  it('by a second connection as the same minion, which hears a copy of its own jobs and no more', async () => {
    const second = attackWith(await system.attacker())
    expect(await second.refusedSubscribe('reactor.job.evil')).toBe(false)
    expect(await second.refusedSubscribe('reactor.job.web1')).toBe(true)
    await second.nc.close()
  })
})

describe('JetStream is out of reach', () => {
  const names = [
    'reactor_EVENTS',
    'reactor_JOBS',
    'reactor_REACTIONS',
    'reactor_DONE',
    'KV_reactor_keys',
    'OBJ_reactor_payloads',
  ]
  const requests: [string, unknown][] = [
    ['INFO', ''],
    ['STREAM.NAMES', ''],
    ['STREAM.LIST', ''],
    ['STREAM.CREATE.evil', { name: 'evil', subjects: ['evil.>'] }],
    ['STREAM.CREATE.evil', { name: 'evil', subjects: [], mirror: { name: 'reactor_EVENTS' } }],
    ...names.flatMap((name): [string, unknown][] => [
      [`STREAM.INFO.${name}`, ''],
      [`STREAM.PURGE.${name}`, ''],
      [`STREAM.DELETE.${name}`, ''],
      [`STREAM.UPDATE.${name}`, { name, subjects: ['reactor.event.>', 'reactor.job.>'] }],
      [`STREAM.MSG.GET.${name}`, { seq: 1 }],
      [`STREAM.MSG.DELETE.${name}`, { seq: 1 }],
      [`STREAM.SNAPSHOT.${name}`, { deliver_subject: '_INBOX_evil.x' }],
      [`DIRECT.GET.${name}`, { seq: 1 }],
      [`DIRECT.GET.${name}.reactor.event.web1.salt.minion.web1.start`, ''],
      [`CONSUMER.NAMES.${name}`, ''],
    ]),
    ...['_INBOX_evil.own', '_INBOX_web1.x', 'reactor.job.web1', 'reactor.event._master.salt.key'].map(
      (deliver_subject): [string, unknown] => [
        'CONSUMER.CREATE.reactor_EVENTS.evil',
        { stream_name: 'reactor_EVENTS', config: { name: 'evil', deliver_subject, ack_policy: 'none' } },
      ],
    ),
    [
      'CONSUMER.DURABLE.CREATE.reactor_EVENTS.evil',
      { stream_name: 'reactor_EVENTS', config: { durable_name: 'evil' } },
    ],
    ['CONSUMER.DELETE.reactor_EVENTS.reactor_reactor', ''],
    ['CONSUMER.MSG.NEXT.reactor_EVENTS.reactor_reactor', { batch: 100 }],
    ['CONSUMER.PAUSE.reactor_EVENTS.reactor_reactor', { pause_until: '2099-01-01T00:00:00Z' }],
  ]

  it.each(requests)('$JS.API.%s', async (name, body) => {
    const subject = `$JS.API.${name}`
    const { subject: reply, seen } = evil.inbox()
    expect(await evil.refusedPublish(subject, body === '' ? '' : JSON.stringify(body), { reply })).toBe(true)
    await evil.nc.flush()
    expect(seen.items).toEqual([])
  })

  it.each([
    '$KV.reactor_keys.evil2',
    '$KV.reactor_keys.web1',
    '$KV.reactor_minions.web1',
    '$KV.reactor_users.evil',
    '$KV.reactor_tokens.evil',
    '$KV.reactor_rules.active',
    '$O.reactor_payloads.C.x',
    '$O.reactor_bundles.M.x',
    '$JS.ACK.reactor_EVENTS.reactor_reactor.1.1.1.1.1',
    '$JS.FC.reactor_EVENTS.x.y',
    '$JS.reactor.API.INFO',
  ])('%s', async subject => {
    expect(await evil.refusedPublish(subject)).toBe(true)
  })

  it('and after all of it the streams are what they were', async () => {
    const jsm = await jetstreamManager(await core.connect(system))
    const streams = await jsm.streams.list().next()
    expect(streams.map(({ config }) => config.name)).not.toContain('evil')
    const events = streams.find(({ config }) => config.name === 'reactor_EVENTS')!
    expect(events.config.subjects).toEqual(['reactor.event.>'])
    expect(events.state.first_seq).toBe(1)
    expect(events.state.num_deleted ?? 0).toBe(0)
    const consumers = await jsm.consumers.list('reactor_EVENTS').next()
    expect(consumers.map(({ name }) => name).sort()).toEqual(['reactor_cache', 'reactor_reactor'])
  })
})
