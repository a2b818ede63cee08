// What services do for stateful rules, alarms, the room in the stores, and reactions that wait: with the program's own code,
// under their own permissions, which refuse them nothing of it.
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { openAlarms } from '../../src/alarms/alarms.ts'
import { watchStores } from '../../src/alarms/stores.ts'
import { openWindowReaders } from '../../src/alarms/window-readers.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { createFire } from '../../src/bus/fire.ts'
import { parkReaction } from '../../src/bus/park.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { requestJson } from '../../src/bus/request.ts'
import { openDecisionStore } from '../../src/cache/decisions/store.ts'
import { startDecisionWorker } from '../../src/cache/decisions/worker.ts'
import { sqliteFailure } from '../../src/cache/sqlite-store.ts'
import { startTrimming } from '../../src/cache/trim.ts'
import { openPending } from '../../src/jobs/control/pending.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { openConsumersSource, openStreamsSource } from '../../src/metrics/streams.ts'
import { minionOrigin, type ServiceOrigin, serviceOrigin } from '../../src/protocol/origin.ts'
import type { Reaction } from '../../src/protocol/reaction.ts'
import { cacheConsumer, DEFAULT_LIMITS, reactorConsumer, streamNames } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createBundleCompiler } from '../../src/reactor/compiled-bundle.ts'
import { serveDecide } from '../../src/reactor/decide.ts'
import { openLookUp } from '../../src/reactor/facts/open.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../src/reactor/loop.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { createSettle } from '../../src/reactor/settle.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'
import { startWindows } from '../../src/reactor/windows/windows.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'

const NS = 'reactor'
const subjects = createSubjects(NS)
const names = streamNames(NS)
const LIMITS = { ...DEFAULT_LIMITS, eventsMaxBytes: 512 * 1024 }

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
})
afterAll(() => accounts?.stop())
beforeEach(async () => {
  await provisionStreams(accounts.actors.core.nc, NS, LIMITS)
})

/** As the processes of the service have it. */
async function open(service: ServiceOrigin) {
  const { nc } = accounts.actors[service]
  const publisher = createPublisher(nc)
  onTestFinished(() => publisher.stop())
  const fire = createFire(publisher, subjects, serviceOrigin(service))
  return { nc, publisher, fire, alarms: await openAlarms(nc, NS, 1, fire, silentLog) }
}

const refusedOf = async (service: ServiceOrigin): Promise<string[]> => {
  await accounts.actors[service].nc.flush()
  await setImmediate()
  return [...accounts.actors[service].refused]
}

/** Fires as others do. */
function others() {
  const publisher = createPublisher(accounts.actors.core.nc)
  onTestFinished(() => publisher.stop())
  return {
    publisher,
    fire: createFire(publisher, subjects, serviceOrigin('_jobs')),
    asMinion: createFire(publisher, subjects, minionOrigin('m1')),
  }
}

async function hear(subject: string) {
  const { nc } = accounts.actors.core
  const heard = createSeen<{ subject: string; body: Record<string, unknown> }>()
  const subscription = nc.subscribe(subject, {
    callback: (_error, message) => heard.push({ subject: message.subject, body: message.json() }),
  })
  await nc.flush()
  onTestFinished(() => subscription.unsubscribe())
  return heard
}

function bundleOf(text: string) {
  const { rules, problems } = loadRuleText('r.yaml', text)
  expect(problems).toEqual([])
  return createBundleCompiler(silentLog)({ hash: 'b1', rules })!
}

const reactionOf = (id: string): Reaction => ({
  rule: 'r',
  bundle: 'b1',
  event: { id, tag: 't', origin: 'm1', seq: 1, storedMs: Date.now(), hops: 0 },
  actions: [],
})

it('the reactor leads stateful rules: lease, checkpoint, reading, recording', async () => {
  const { nc, publisher, alarms } = await open('_reactor')
  const suppressions = createSuppressions(publisher, subjects, 'r1')
  const handOver = createHandOver(publisher, subjects)
  const guard = createLoopGuard({ rate: 0, clock: systemClock })
  const decided = { subjects, publisher, handOver, suppressions, guard, alarms, log: silentLog }
  const start = () =>
    startWindows({
      ...{ nc, subjects, replicas: 1, alarms, suppressions, settle: createSettle(decided), log: silentLog },
      ...{ grainsOf: () => undefined, lookUp: async () => ({}), minions: () => new Set(), maxKeys: 10, late: 60_000 },
    })
  // A state that is too large for the head lies in parts of its own.
  const text =
    'rule: r\non: n/*\ngroup: { for: 1h, most: 4 }\ndo:\n  - runner.test.arg: ["{{ window.events | length }}"]\n'
  const reactions = await hear('reactor.decision.reaction.>')
  const ledger = await hear('reactor.decision.done.>')
  const { fire } = others()
  const first = await start()
  first.use(bundleOf(text))
  for (let n = 0; n < 2; n++) await fire('n/1', { text: 'x'.repeat(10_000) })
  await ledger.reach(1)
  await first.stop()
  const second = await start()
  second.use(bundleOf(text))
  for (let n = 0; n < 2; n++) await fire('n/1', { text: 'x'.repeat(10_000) })
  expect((await reactions.reach(1))[0]!.body).toMatchObject({ reactions: [{ actions: [{ arg: [4] }] }] })
  await second.stop()
  expect(await refusedOf('_reactor')).toEqual([])
})

it('the reactor decides anew where a job worker asks, by the record of a job too', async () => {
  const { nc, publisher } = await open('_reactor')
  const { lookUp } = await openLookUp(nc, subjects, [])
  const handOver = createHandOver(publisher, subjects)
  const decide = await serveDecide({ nc, subjects, handOver, grainsOf: () => undefined, lookUp, log: silentLog })
  onTestFinished(() => decide.stop())
  decide.use(
    bundleOf(
      'rule: r\non: salt/job/*/ret/*\nwhen: { all: [{ fact: job, path: $.fun, operator: equal, value: test.ping }] }\ndo: runner.test.arg\n',
    ),
  )
  const jobs = await open('_jobs')
  const records = await openJobRecords(jobs.nc, subjects, jobs.publisher, 60_000)
  const deadline = Date.now() + 60_000
  const { record } = await records.open(
    {
      ...{ kind: 'local', fun: 'test.ping', arg: [], kwarg: {}, user: 'a' },
      ...{ deadline, run_until: deadline, hops: 0 },
    },
    {},
  )
  const { id, seq } = await others().asMinion(`salt/job/${record.jid}/ret/m1`, { id: 'm1' })
  const ask = { seq, id, rule: 'r', attempt: 2 }
  expect(await requestJson(jobs.nc, subjects.decide, ask, { timeoutMs: 20_000, what: 'decide' })).toEqual({
    stored: true,
  })
  expect(await refusedOf('_reactor')).toEqual([])
  expect(await refusedOf('_jobs')).toEqual([])
})

it('the reactor and the cache workers watch the stores, and the cache workers make room', async () => {
  const reactor = await open('_reactor')
  const cache = await open('_cache')
  const watch = (of: typeof reactor, clock: Pick<Clock, 'now'>) =>
    openWindowReaders({ nc: of.nc, ns: NS, replicas: 1, now: clock.now, log: silentLog }).then(others => ({
      ...{ nc: of.nc, ns: NS, alarms: of.alarms, others, clock, log: silentLog },
    }))
  const heard = await hear('reactor.live.*.salt.alarm.>')
  // Read by nobody, and old soon.
  const read = { reactor: createSeen<number>(), cache: createSeen<number>() }
  const consume = (of: typeof reactor, name: 'reactor' | 'cache') =>
    consumeDurable(of.nc, {
      ...{ stream: names.events, log: silentLog },
      consumer: name === 'reactor' ? reactorConsumer(NS) : cacheConsumer(NS),
      onMessage: message => {
        message.ack()
        read[name].push(message.seq)
      },
    })
  for (const [of, name] of [
    [reactor, 'reactor'],
    [cache, 'cache'],
  ] as const)
    await (await consume(of, name)).stop()
  const { fire } = others()
  await fire('x', {})
  const soon = { now: () => Date.now() + LIMITS.eventsMaxAge * 0.9 }
  const watching = await watchStores(await watch(reactor, soon))
  const expiring = await heard.find(({ subject }) => subject.includes('events_expiring'), 'the alarm')
  expect(expiring).toMatchObject({
    subject: 'reactor.live._reactor.salt.alarm.events_expiring',
    body: { data: { unread: [{ name: 'the reactor' }, { name: 'the cache worker' }] } },
  })
  await watching.stop()
  let last = 0
  for (let n = 0; n < 45; n++) last = (await fire('x', { fill: 'x'.repeat(10_000) })).seq
  const consuming = [await consume(reactor, 'reactor'), await consume(cache, 'cache')]
  for (const seen of Object.values(read)) await seen.find(seq => seq >= last, 'the last event')
  const { log, lines } = keptLog()
  const trimming = await startTrimming({ ...(await watch(cache, systemClock)), log })
  await lines.find(({ msg }) => msg === 'history of events was removed', 'the trimming')
  await trimming.stop()
  for (const one of consuming) await one.stop()
  expect(await refusedOf('_reactor')).toEqual([])
  expect(await refusedOf('_cache')).toEqual([])
})

it('the cache workers keep the ledger, and say what is in the streams', async () => {
  const { nc } = await open('_cache')
  const store = await openDecisionStore({ dir: await testFolder(), maxRows: 100, log: silentLog })
  onTestFinished(() => store.close())
  const worker = await startDecisionWorker({
    ...{ nc, subjects, store, readFailure: sqliteFailure, keepMs: 60_000, clock: systemClock, log: silentLog },
  })
  const decision = { key: 'e/r', rule: 'r', event: 'e', tag: 't', state: 'done', ms: 1, jids: [] }
  const { publisher } = others()
  await publisher.publish(subjects.done('w1'), JSON.stringify({ worker: 'w1', decisions: [decision] }))
  await worker.stop()
  for (const source of [
    await openStreamsSource(nc, NS),
    await openConsumersSource(nc, NS, 'events', ['cache']),
    await openConsumersSource(nc, NS, 'done', ['decisions']),
  ])
    expect(Object.keys(await source())).not.toEqual([])
  expect(await refusedOf('_cache')).toEqual([])
})

it('the job workers park, retry, and let go of what waits; they raise alarms', async () => {
  const { nc, publisher, alarms } = await open('_jobs')
  const pending = await openPending(nc, subjects)
  await parkReaction(publisher, subjects, { key: 'p/r', reason: 'why', reaction: reactionOf('p') })
  const parked = (await pending.parked('p', 'r'))!
  expect(await pending.allParked('r', 10)).toMatchObject([{ parked: { reason: 'why' } }])
  await pending.purgeParked(parked)
  expect(await pending.parked('p', 'r')).toBeUndefined()
  const { rule, bundle, ...failed } = reactionOf('f')
  const headers = {
    'Nats-Schedule': `@at ${new Date(Date.now() + 3_600_000).toISOString()}`,
    'Nats-Schedule-Target': subjects.reaction('fast', rule),
  }
  const body = JSON.stringify({ rule, bundle, reactions: [{ ...failed, attempt: 2 }] })
  await publisher.publish(subjects.reactionRetry('f', rule), body, { id: 'retry', headers })
  const retry = (await pending.retry('f', 'r'))!
  expect(retry.next).toBeGreaterThan(Date.now())
  await pending.purgeRetry(retry)
  expect(await pending.retry('f', 'r')).toBeUndefined()
  const heard = await hear('reactor.live._jobs.salt.alarm.>')
  for (let times = 1; times <= 2; times++) {
    alarms.raise('rule', 'r', { rule: 'r', key: 'e/r', reason: 'no disk' })
    await heard.reach(times)
    alarms.clear('rule', 'r')
  }
  for (const lane of ['fast', 'slow'] as const) await (await openConsumersSource(nc, NS, 'reactions', [lane]))()
  expect(await refusedOf('_jobs')).toEqual([])
})
