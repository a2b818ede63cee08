// What services may do inside CORE: all of their own work, tried with the program's own code, and nothing of the others'.
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { lookAtEvents } from '../../src/alarms/room.ts'
import { silentLog } from '../../src/base/log.ts'
import { openBucket } from '../../src/bus/bucket.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { createFire } from '../../src/bus/fire.ts'
import { openLeases } from '../../src/bus/lease.ts'
import { parkReaction } from '../../src/bus/park.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { requestJson } from '../../src/bus/request.ts'
import { serve } from '../../src/bus/serve.ts'
import { openTable } from '../../src/bus/table.ts'
import { openHistory } from '../../src/cache/history.ts'
import { noteMissed } from '../../src/cache/returning/missed.ts'
import { openSlots } from '../../src/cache/returning/slots.ts'
import { startPresence } from '../../src/fleet/presence.ts'
import { followFleet, openMinionBucket } from '../../src/fleet/registry.ts'
import { openLedger } from '../../src/jobs/ledger.ts'
import { openMissed } from '../../src/jobs/missed.ts'
import { type JobRecords, openJobRecords } from '../../src/jobs/records.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { SERVICES, type ServiceOrigin, serviceOrigin } from '../../src/protocol/origin.ts'
import type { Reaction } from '../../src/protocol/reaction.ts'
import { eventReturnConsumer, masterJobCacheConsumer, type Use } from '../../src/protocol/returner-consumers.ts'
import { SERVICE_RIGHTS } from '../../src/protocol/service-permissions.ts'
import {
  bucketNames,
  cacheConsumer,
  DEFAULT_LIMITS,
  decisionsConsumer,
  laneConsumer,
  reactorConsumer,
  streamNames,
  type WantedConsumer,
} from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { entryOf, keyOf } from '../../src/queue/entry.ts'
import { openJetStreamQueues } from '../../src/queue/jetstream.ts'
import { rulesControlWhenAsked } from '../../src/reactor/bundle/open.ts'
import { openBundleStore } from '../../src/reactor/bundle.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { createSeen, untilTaken, within } from '../helpers/wait.ts'

const NS = 'reactor'
const subjects = createSubjects(NS)
const names = streamNames(NS)
const buckets = bucketNames(NS)

const OTHER = { ...DEFAULT_LIMITS, eventsMaxAge: DEFAULT_LIMITS.eventsMaxAge * 2 }

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
})
afterAll(() => accounts?.stop())

const connectionOf = (service: ServiceOrigin): NatsConnection => accounts.actors[service].nc
/** As the processes of the service have it. */
const open = (service: ServiceOrigin) => {
  const nc = connectionOf(service)
  const publisher = createPublisher(nc)
  onTestFinished(() => publisher.stop())
  return { nc, publisher, fire: createFire(publisher, subjects, serviceOrigin(service)) }
}
const refusedOf = async (service: ServiceOrigin): Promise<string[]> => {
  await connectionOf(service).flush()
  await setImmediate()
  return [...accounts.actors[service].refused]
}

describe('each service', () => {
  it.each(SERVICES)('%s makes the streams exist that are missing', async service => {
    const jsm = await jetstreamManager(accounts.actors.core.nc)
    await provisionStreams(accounts.actors.core.nc, NS, DEFAULT_LIMITS)
    await jsm.streams.delete(names.done)
    const made = await within(provisionStreams(connectionOf(service), NS, DEFAULT_LIMITS, { migrate: false }), 'them')
    expect(made).toMatchObject({ [names.done]: 'created', [names.events]: 'unchanged' })
    expect(await refusedOf(service)).toEqual([])
  })

  it('the master gives them new limits', async () => {
    const nc = connectionOf('_master')
    await within(provisionStreams(nc, NS, DEFAULT_LIMITS), 'the streams')
    expect(await within(provisionStreams(nc, NS, OTHER), 'the new limits')).toMatchObject({ [names.events]: 'updated' })
    await provisionStreams(nc, NS, DEFAULT_LIMITS)
    expect(await refusedOf('_master')).toEqual([])
  })

  it.each(SERVICES.filter(service => service !== '_master'))('%s leaves their limits to the master', async service => {
    const nc = connectionOf(service)
    await provisionStreams(accounts.actors.core.nc, NS, DEFAULT_LIMITS)
    expect(await within(provisionStreams(nc, NS, OTHER, { migrate: false }), 'them')).toMatchObject({
      [names.events]: 'outdated',
    })
    for (const stream of Object.values(names))
      expect(await accounts.actors[service].refusedPublish(`$JS.API.STREAM.UPDATE.${stream}`), stream).toBe(true)
  })

  it.each(SERVICES)('%s fires an event under its own origin, and as nobody else', async service => {
    const { fire } = open(service)
    expect(await fire('salt/test', {})).toMatchObject({ seq: expect.any(Number) })
    for (const other of [...SERVICES.filter(one => one !== service), 'm1', '_user-admin'])
      expect(await accounts.actors[service].refusedPublish(`reactor.event.${other}.salt.key`), other).toBe(true)
    accounts.actors[service].nc.publish(`reactor.event.${service}.salt.test`, '{}')
  })
})

type Untaken = Parameters<JobRecords['open']>[0]

const REACTION: Reaction = {
  rule: 'r',
  bundle: '',
  event: { id: 'e', tag: 't', origin: 'm1', seq: 1, storedMs: Date.now(), hops: 0 },
  actions: [],
}

describe('a service does its work under its permissions', () => {
  const takes = async (nc: NatsConnection, stream: string, consumer: WantedConsumer, cause: () => Promise<unknown>) => {
    const seen = createSeen<string>()
    const onMessage = (message: { subject: string; working(): void; ack(): void }) => {
      message.working()
      message.ack()
      seen.push(message.subject)
    }
    const consuming = await consumeDurable(nc, { stream, consumer, log: silentLog, onMessage })
    await cause()
    await seen.reach(1)
    await consuming.stop()
  }
  const fullPayloads = async (nc: NatsConnection) => {
    const store = await openPayloadStore(nc, NS, { keepMs: 3_600_000, maxBytes: 1_000_000, replicas: 1 })
    for (const name of ['m1.a', 'm1.b', 'm1.c', 'm1.d']) await store.put(name, 0, randomBytes(300_000))
    expect(await store.get('m1.d', 0)).toHaveLength(300_000)
    await store.remove('m1.d', 1)
    expect(await store.get('m1.d', 0)).toBeUndefined()
  }
  const table = (nc: NatsConnection, name: string) =>
    openTable<{ n: number }>(nc, name, { replicas: 1, read: value => value as { n: number }, log: silentLog })

  it('the master: keys, tokens, operators, records, large returns', async () => {
    const { nc, publisher } = open('_master')
    for (const name of [buckets.keys, buckets.tokens, buckets.users, buckets.passwords]) {
      const opened = await table(nc, name)
      await opened.change('one', () => ({ n: 1 }))
      await opened.change('one', () => undefined)
      await opened.change('two', () => ({ n: 2 }))
      await opened.stop()
    }
    const records = await openJobRecords(nc, subjects, publisher, 60_000)
    const base = {
      kind: 'wheel',
      fun: 'test.arg',
      arg: [],
      kwarg: {},
      user: 'a',
      deadline: Date.now(),
      run_until: 1,
      hops: 0,
    } satisfies Untaken
    const { record } = await records.open(base, {})
    expect(await records.find(record.jid)).toMatchObject({ fun: 'test.arg' })
    await fullPayloads(nc)
    const fleet = await followFleet(nc, NS, 1, silentLog)
    await fleet.stop()
    expect(await refusedOf('_master')).toEqual([])
  })

  it('the master: heartbeats, and what it tells of presence', async () => {
    const { nc, fire } = open('_master')
    const more = { replicas: 1, lostAfterMs: 60_000, tell: { presentEveryMs: undefined }, log: silentLog }
    const presence = await startPresence({ nc, ns: NS, subjects, fire, ...more })
    const heard = createSeen<string>()
    open('_jobs').nc.subscribe(`${NS}.live._master.salt.presence.>`, {
      callback: (_, message) => heard.push(message.string()),
    })
    const { m1 } = accounts.actors
    await m1.nc.request(`${NS}.beat.m1`, 'session', { timeout: 30_000 })
    expect(JSON.parse(await heard.find(() => true, 'the change'))).toMatchObject({ data: { new: ['m1'], lost: [] } })
    await presence.stop()
    expect(await refusedOf('_master')).toEqual([])
  })

  it('the reactor: bundles, events, reactions', async () => {
    const { nc, publisher, fire } = open('_reactor')
    const store = await openBundleStore(nc, NS, 1, silentLog)
    const inForce = createSeen<string>()
    const following = await store.follow(bundle => inForce.push(bundle.hash))
    const { bundle } = await store.activate([{ rule: 'r', on: 'x', do: [] } as never])
    await inForce.find(hash => hash === bundle.hash, 'the bundle')
    expect(await store.active()).toMatchObject({ hash: bundle.hash })
    await following.stop()
    await takes(nc, names.events, reactorConsumer(NS), () => fire('x', {}))
    await publisher.publish(subjects.reaction('fast', 'r'), JSON.stringify(REACTION))
    await parkReaction(publisher, subjects, { key: 'k', reason: 'why', reaction: REACTION })
    const fleet = await followFleet(nc, NS, 1, silentLog)
    await fleet.stop()
    expect(await refusedOf('_reactor')).toEqual([])
  })

  it('the job worker: records, marks, ledger, reactions, what it asks and hears', async () => {
    const { nc, publisher, fire } = open('_jobs')
    const records = await openJobRecords(nc, subjects, publisher, 60_000)
    const deadline = Date.now() + 60_000
    const base = {
      kind: 'local',
      fun: 'test.ping',
      arg: [],
      kwarg: {},
      user: 'a',
      deadline,
      run_until: deadline,
      hops: 0,
    } satisfies Untaken
    // So old that it looks for the announcement among the events.
    const { record } = await records.open(base, { work: { key: 'old', causeMs: Date.now() - 7_200_000 } })
    const missed = await openMissed({ nc, subjects, publisher, records, now: Date.now })
    await missed.mark(record, ['m1', 'm2'])
    expect((await missed.page('m1', [])).jobs).toMatchObject([{ jid: record.jid }])
    expect(await missed.page('m1', [record.jid])).toEqual({ jobs: [] })
    await missed.forget(record.jid)
    expect(await missed.page('m2', [])).toEqual({ jobs: [] })
    const ledger = await openLedger(nc, subjects, publisher, 'w1', silentLog)
    await ledger.append({ key: 'k', rule: 'r', event: 'e', tag: 't', state: 'done', ms: 1, jids: [] })
    await ledger.stop()
    for (const lane of ['fast', 'slow'] as const)
      await takes(nc, names.reactions, laneConsumer(NS, lane), () =>
        accounts.actors.core.nc.request(subjects.reaction(lane, 'r'), JSON.stringify(REACTION)),
      )
    await parkReaction(publisher, subjects, { key: 'k2', reason: 'why', reaction: REACTION })
    await fullPayloads(nc)
    await (await table(nc, buckets.users)).stop()
    await (await followFleet(nc, NS, 1, silentLog)).stop()
    const heard = createSeen<string>()
    nc.subscribe(`${subjects.livePrefix}*.salt.job.1.>`, { callback: (_, { subject }) => heard.push(subject) })
    await nc.flush()
    await fire('salt/job/1/new', {})
    await heard.reach(1)
    expect(await refusedOf('_jobs')).toEqual([])
  })

  it('the job worker: queues, and the lease of who drains them', async () => {
    const { nc, publisher } = open('_jobs')
    const queues = await openJetStreamQueues({ nc, subjects, publisher }, { leaseMs: 60_000, tries: 1 })
    await queues.insert('q', ['a', 'b', 'c'].map(entryOf))
    expect(await queues.items('q', 10)).toEqual(['a', 'b', 'c'])
    await queues.delete('q', [keyOf('c')])
    const [a, b] = await queues.lease('q', 10)
    await queues.extend('q', [a!])
    await queues.ack('q', [a!])
    await queues.nack('q', [b!])
    expect(await queues.lease('q', 10)).toEqual([])
    expect(await queues.dead('q', 10)).toEqual([{ item: 'b', tries: 1 }])
    expect(await queues.revive('q')).toBe(1)
    expect(await queues.length('q')).toBe(1)
    expect(await queues.queues()).toEqual(['q'])
    const leases = await openLeases(nc, NS, 1, 'a', silentLog)
    await (await leases.take('queue-drain', AbortSignal.timeout(5000)))?.release()
    expect(await refusedOf('_jobs')).toEqual([])
  })

  it('the job worker: the rules in force, and how far the reactors are', async () => {
    const { nc } = open('_jobs')
    await takes(accounts.actors._reactor.nc, names.events, reactorConsumer(NS), () => open('_reactor').fire('x', {}))
    const moduleDirs: string[] = []
    const control = await rulesControlWhenAsked(nc, subjects, { replicas: 1, moduleDirs }, silentLog)()
    const source = { file: 'r.yaml', line: 1 }
    const rules = [{ rule: 'r', on: ['x'], do: [{ kind: 'runner', fun: 'test.arg', params: null }], source }]
    const packed = gzipSync(JSON.stringify(rules)).toString('base64')
    const half = packed.length / 2
    const named = { name: 'x', dry_run: false }
    await control.push({ packed: packed.slice(0, half), part: { upload: 'u', index: 0, of: 2 }, ...named }, 'ada')
    await control.push({ packed: packed.slice(half), part: { upload: 'u', index: 1, of: 2 }, ...named }, 'ada')
    await control.switch({ to: 'off', names: ['r'], by: 'ada' })
    const list = await control.list(async () => [])
    expect(list).toMatchObject({ rules: [{ rule: 'r', mode: 'off' }], lag: { in_hand: expect.any(Number) } })
    expect(await control.show('r', async () => [])).toMatchObject({ pending: { parked: expect.any(Number) } })
    expect(await control.history()).toMatchObject([{ off: 1 }, { off: 0 }, {}])
    expect(await refusedOf('_jobs')).toEqual([])
  })

  it('the cache worker: events, grains, large returns, history', async () => {
    const { nc, fire } = open('_cache')
    await takes(nc, names.events, cacheConsumer(NS), () => fire('x', {}))
    const history = await openHistory(nc, subjects)
    expect((await history({ since: 0 })).events.length).toBeGreaterThan(0)
    expect((await history({ after_seq: 0, limit: 1 })).events).toHaveLength(1)
    const minions = await openMinionBucket(nc, NS, 1)
    await minions.put('m1', JSON.stringify({ id: 'm1', grains: {} }))
    await fullPayloads(nc)
    await (await table(nc, buckets.users)).stop()
    expect(await refusedOf('_cache')).toEqual([])
  })

  it('the cache worker: consumers of returners, made and removed', async () => {
    const { nc, fire } = open('_cache')
    const mysql: Use = { what: 'master_job_cache', returner: 'mysql' }
    const redis: Use = { what: 'event_return', returner: 'redis' }
    const both = await openSlots(nc, NS, [mysql, redis], silentLog)
    const { claimed } = await within(both.look(), 'the consumers')
    await takes(nc, names.events, claimed.get('event_return redis')!, () => fire('x', {}))
    const job = () => fire('salt/job/20261121000000000001/new', {})
    await takes(nc, names.events, claimed.get('master_job_cache mysql')!, job)
    const alarms = { raise: () => undefined, clear: () => undefined }
    const parts = { jsm: await jetstreamManager(nc, { checkAPI: false }), ns: NS, alarms, log: silentLog }
    const returner = { consumer: claimed.get('event_return redis')!.durable_name, unread: 9 }
    await within(noteMissed(parts, [{ name: 'event_return redis', floor: 0, returner }], 1, 2), 'a note')
    const none = await openSlots(nc, NS, [], silentLog)
    await untilTaken('the end of both', async () => expect((await none.look()).infos).toEqual([]))
    expect(await refusedOf('_cache')).toEqual([])
  })

  it.each(['_reactor', '_cache'] as const)('%s sees how far the consumers of events are', async service => {
    const jsm = await jetstreamManager(connectionOf(service), { checkAPI: false })
    const others = async () => []
    const look = lookAtEvents({ jsm, ns: NS, others, now: () => Date.now() + OTHER.eventsMaxAge })
    expect((await within(look, 'the look')).readers.length).toBeGreaterThan(0)
    expect(await refusedOf(service)).toEqual([])
  })

  it('what follows a bucket answers the flow control of a large one', async () => {
    const filled = await openMinionBucket(accounts.actors.core.nc, NS, 1)
    const grains = { fill: 'x'.repeat(200_000) }
    for (let n = 0; n < 60; n++) await filled.put(`large${n}`, JSON.stringify({ id: `large${n}`, grains }))
    const fleet = await followFleet(connectionOf('_reactor'), NS, 1, silentLog)
    expect(fleet.values.size).toBeGreaterThanOrEqual(60)
    await fleet.stop()
    expect(await refusedOf('_reactor')).toEqual([])
  })

  it('the schedule worker: reactions that are due', async () => {
    const { publisher } = open('_schedule')
    await publisher.publish(subjects.reaction('fast', 'schedule:x'), JSON.stringify(REACTION))
    expect(await refusedOf('_schedule')).toEqual([])
  })

  it('the gateway: it asks, and hears what happens', async () => {
    const { nc, fire } = open('_gateway')
    const heard = createSeen<string>()
    for (const subject of ['reactor.live.>', 'reactor.decision.>'])
      nc.subscribe(subject, { callback: (_, message) => heard.push(message.subject) })
    await nc.flush()
    await fire('hook', {})
    await accounts.actors.core.nc.request('reactor.done.w1', '{}')
    await heard.reach(2)
    expect(heard.items.sort()).toEqual(['reactor.decision.done.w1', 'reactor.live._gateway.hook'])
    expect(await refusedOf('_gateway')).toEqual([])
  })
})

describe('requests between services', () => {
  const ASKED: [asker: ServiceOrigin, answerer: ServiceOrigin, subject: string][] = [
    ['_jobs', '_master', 'reactor.wheel.test.arg'],
    ['_jobs', '_cache', 'reactor.history.job'],
    ['_jobs', '_reactor', 'reactor.decide'],
    ['_jobs', '_jobs', 'reactor.in_hand'],
    ['_jobs', '_schedule', 'reactor.schedule'],
    ['_gateway', '_jobs', 'reactor.publish'],
    ['_gateway', '_jobs', 'reactor.runner.test.arg'],
    ['_gateway', '_cache', 'reactor.history.events'],
  ]
  it('are those of the table', () => {
    const answers = SERVICES.flatMap(answerer =>
      (SERVICE_RIGHTS[answerer].answers ?? []).map(asker => `${asker} ${answerer}`),
    )
    expect([...new Set(ASKED.map(([asker, answerer]) => `${asker} ${answerer}`))].sort()).toEqual(answers.sort())
  })

  it.each([
    ...ASKED,
    ['admin', '_jobs', 'reactor.publish'],
    ['admin', '_master', 'reactor.wheel.test.arg'],
    ['m1', '_cache', 'reactor.mine.m1'],
    ['m1', '_master', 'reactor.beat.m1'],
  ] as const)('%s is answered by %s on %s', async (asker, answerer, subject) => {
    const handle = async () => 'answered'
    const endpoints = [{ name: 'proof', subject, handle }]
    const nc = connectionOf(answerer)
    const served = await serve(nc, { name: 'proof', description: 'proof', queue: 'proof', endpoints, log: silentLog })
    await nc.flush()
    const options = { timeoutMs: 5000, what: 'the proof' }
    expect(await requestJson(accounts.actors[asker].nc, subject, {}, options)).toBe('answered')
    await served.stop()
    expect(await refusedOf(answerer)).toEqual([])
  })

  it('the job worker sends a job to a minion', async () => {
    const { m1, _jobs } = accounts.actors
    m1.nc.subscribe('reactor.job.m1', { callback: (_, message) => void message.respond('{"accepted":true}') })
    await m1.nc.flush()
    const answer = await _jobs.nc.request('reactor.job.m1', '{}', { timeout: 30_000 })
    expect(answer.json()).toEqual({ accepted: true })
  })
})

describe('what no service may do', () => {
  const concrete = (subject: string) => `reactor.${subject.replaceAll('*', 'x').replace('>', 'x.y')}`
  const covers = (pattern: string, subject: string): boolean => {
    const [want, have] = [pattern.split('.'), subject.split('.')]
    if (want.at(-1) === '>')
      return have.length >= want.length && want.slice(0, -1).every((one, i) => one === '*' || one === have[i])
    return want.length === have.length && want.every((one, i) => one === '*' || one === have[i])
  }
  const all = (key: 'publish' | 'subscribe') => [...new Set(SERVICES.flatMap(service => SERVICE_RIGHTS[service][key]))]
  const others = (key: 'publish' | 'subscribe') =>
    SERVICES.flatMap(service =>
      all(key)
        .filter(subject => !SERVICE_RIGHTS[service][key].some(own => covers(own, subject)))
        .map(subject => ({ service, subject: concrete(subject) })),
    )

  it.each(others('publish'))(
    "$service does not publish on $subject, which is others'",
    async ({ service, subject }) => {
      expect(await accounts.actors[service].refusedPublish(subject)).toBe(true)
    },
  )
  it.each(others('subscribe'))("$service does not hear $subject, which is others'", async ({ service, subject }) => {
    expect(await accounts.actors[service].refusedSubscribe(subject)).toBe(true)
  })

  const { bundles: _, payloads: __, ...keyed } = buckets
  const kvs = Object.keys(keyed) as (keyof typeof keyed)[]
  const unwritten = SERVICES.flatMap(service =>
    kvs.filter(key => SERVICE_RIGHTS[service].buckets[key] !== 'write').map(key => ({ service, key })),
  )
  it.each(unwritten)('$service does not write the bucket $key', async ({ service, key }) => {
    await openBucket(accounts.actors.core.nc, buckets[key], { replicas: 1 })
    expect(await accounts.actors[service].refusedPublish(`$KV.${buckets[key]}.x`)).toBe(true)
  })
  const unread = unwritten.filter(({ service, key }) => SERVICE_RIGHTS[service].buckets[key] === undefined)
  it.each(unread)('$service does not read the bucket $key', async ({ service, key }) => {
    const stream = `KV_${buckets[key]}`
    for (const subject of [
      `$JS.API.DIRECT.GET.${stream}.$KV.${buckets[key]}.x`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.API.CONSUMER.CREATE.${stream}.x.$KV.${buckets[key]}.>`,
    ])
      expect(await accounts.actors[service].refusedPublish(subject), subject).toBe(true)
  })

  it.each(SERVICES)('%s does not delete, or take from under others, what is stored', async service => {
    const durables = [
      [names.events, reactorConsumer(NS).durable_name],
      [names.events, cacheConsumer(NS).durable_name],
      [names.events, masterJobCacheConsumer(NS, 'mysql').durable_name],
      [names.events, eventReturnConsumer(NS, 0, 'mysql').durable_name],
      [names.reactions, laneConsumer(NS, 'fast').durable_name],
      [names.reactions, laneConsumer(NS, 'slow').durable_name],
      [names.done, decisionsConsumer(NS).durable_name],
    ] as const
    const takenBy = ['_reactor', '_cache', '_cache', '_cache', '_jobs', '_jobs', '_cache']
    // It removes those of returners that are configured no more.
    const removed = service === '_cache' ? durables.slice(2, 4) : []
    const { streams } = SERVICE_RIGHTS[service]
    const own = (key: keyof typeof names) => (streams[key] ?? []).length > 0
    const forbidden = [
      ...Object.values(names).flatMap(stream => [
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.MSG.DELETE.${stream}`,
        `$JS.API.STREAM.RESTORE.${stream}`,
        `$JS.API.STREAM.SNAPSHOT.${stream}`,
      ]),
      ...Object.entries(names)
        .filter(([key]) => !streams[key as keyof typeof names]?.includes('purge'))
        .map(([, stream]) => `$JS.API.STREAM.PURGE.${stream}`),
      ...Object.values(buckets).flatMap(name => [
        `$JS.API.STREAM.DELETE.KV_${name}`,
        `$JS.API.STREAM.DELETE.OBJ_${name}`,
      ]),
      ...durables
        .filter(one => !removed.includes(one))
        .map(([stream, name]) => `$JS.API.CONSUMER.DELETE.${stream}.${name}`),
      ...(own('events') ? [] : [`$JS.API.STREAM.MSG.GET.${names.events}`, `$JS.API.DIRECT.GET.${names.events}`]),
      ...durables.flatMap(([stream, name], index) =>
        takenBy[index] === service
          ? []
          : [
              `$JS.API.CONSUMER.CREATE.${stream}.${name}`,
              `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
              `$JS.ACK.${stream}.${name}.1.1.1.1.0`,
            ],
      ),
      `$JS.API.CONSUMER.CREATE.${names.events}.mine.reactor.event.>`,
      '$JS.API.STREAM.CREATE.reactor_MINE',
      '$JS.API.STREAM.CREATE.reactor_EVENTS2',
      '$JS.API.STREAM.LIST',
      '$JS.API.SERVER.REMOVE',
      '$SYS.REQ.SERVER.PING',
      'reactor.live.m1.x',
      'reactor.event.m1.x',
    ]
    for (const subject of forbidden) expect(await accounts.actors[service].refusedPublish(subject), subject).toBe(true)
  })

  it.each(SERVICES)("%s does not hear all, nor others' replies", async service => {
    const inboxes = SERVICES.filter(one => one !== service).map(one => `_INBOX_${one}.>`)
    for (const subject of [
      '>',
      'reactor.>',
      'reactor.event.>',
      'reactor.job.*',
      'reactor.jobs.>',
      '_INBOX.>',
      '_R_.>',
      '$JS.API.>',
      '$KV.>',
      '$SYS.>',
      ...inboxes,
    ])
      expect(await accounts.actors[service].refusedSubscribe(subject), subject).toBe(true)
  })
})
