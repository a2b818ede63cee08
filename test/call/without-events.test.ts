// What callers hear who may not follow events: the same, from the job cache.
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { serve } from '../../src/bus/serve.ts'
import { createJobCache } from '../../src/cache/client.ts'
import { serveHistory } from '../../src/cache/service.ts'
import { callMinions } from '../../src/call/collect.ts'
import { followJob } from '../../src/call/follow.ts'
import { runBatch } from '../../src/call/run-batch.ts'
import { createAuthority } from '../../src/operators/authority.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobReturn, PublishMessage } from '../../src/protocol/job.ts'
import { openDecisions } from '../cache/decisions/made.ts'
import { MiB, newJob, openStore, returned, sentJob, started } from '../cache/jobs.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'

// Services log in without a name; ada may ask, and hears answers alone.
const CONFIG = `
accounts { A { jetstream: enabled, users: [
  { user: service, password: service }
  { user: ada, password: ada, permissions: { subscribe: { allow: ["_INBOX_ada.>"] } } }
] } }
no_auth_user: service
`
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ config: CONFIG })
})
afterAll(() => server.stop())

const FAR = 4_000_000_000_000
const newJid = createJidSource()

async function open() {
  const { nc, ns, subjects } = await openCore(server)
  const store = await openStore()
  const payloads = await openPayloadStore(nc, ns, { keepMs: 3_600_000, maxBytes: 64 * MiB, replicas: 1 })
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }
  const served = await serveHistory({
    ...{ nc, subjects, store, payloads, overflow: createOverflow(payloads), clock, log: silentLog },
    decisions: await openDecisions(),
    authority: createAuthority({
      ...{ accounts: false, statics: {}, store: { grants: () => undefined }, audit: () => undefined },
    }),
  })
  const requests = createSeen<PublishMessage & { jid: string }>()
  const add = (jid: string, ...facts: { jid: string }[]) =>
    store.add(...facts.map(fact => ({ ...fact, jid }) as Parameters<typeof store.add>[0]))
  const publish = await serve(nc, {
    ...{ name: `${ns}-publish`, description: 'test', queue: 'q', log: silentLog },
    endpoints: [
      {
        name: 'publish',
        subject: subjects.publish,
        async handle(message) {
          const request = message.json<PublishMessage & { jid: string }>()
          if (request.resolve) return { minions: ['m1', 'm2'], missing: [] }
          const minions = Array.isArray(request.tgt) ? request.tgt : ['m1', 'm2']
          const times = { start: Date.now(), deadline: FAR, run_until: FAR }
          await add(request.jid, newJob(0, { minions, ...times }), sentJob(0))
          requests.push(request)
          return { jid: request.jid, minions, offline: [], refused: {}, missing: [], waiting: [], ...times }
        },
      },
    ],
  })
  onTestFinished(async () => {
    await publish.stop()
    await served.stop()
  })
  const ada = await connect({ servers: server.url, user: 'ada', pass: 'ada', inboxPrefix: '_INBOX_ada' })
  onTestFinished(() => ada.close())
  const bus = { nc: ada, subjects, close: async () => undefined }
  const stop = new AbortController()
  return { add, requests, bus, stop, options: { user: 'ada', timeoutMs: 600_000, signal: stop.signal } }
}

describe('without the right to follow events', () => {
  it('a call gives each return once, as it becomes known, and ends with the last', async () => {
    const { add, requests, bus, options } = await open()
    const returns = createSeen<JobReturn>()
    const ended = callMinions(
      bus,
      newJid(),
      { tgt: '*', fun: 'test.ping' },
      { onReturn: one => returns.push(one) },
      options,
    )
    const { jid } = (await requests.reach(1))[0]!
    await add(jid, returned(0, 'm2', { return: 'of m2' }))
    await returns.reach(1)
    await add(jid, returned(0, 'm1', { return: 'of m1', success: false, retcode: 3 }))
    const { standing } = await within(ended, 'the end')
    expect(returns.items.map(({ id, return: value, retcode }) => [id, value, retcode])).toEqual([
      ['m2', 'of m2', 0],
      ['m1', 'of m1', 3],
    ])
    expect(standing.counts(Date.now())).toEqual({ returned: 1, failed: 1 })
  })

  it('a call that nobody returns to in time says who is silent', async () => {
    const { bus, options } = await open()
    const call = callMinions(
      bus,
      newJid(),
      { tgt: '*', fun: 'test.ping' },
      { onReturn: () => undefined },
      { ...options, timeoutMs: 300 },
    )
    expect((await within(call, 'the end')).standing.open(Date.now())).toEqual(['m1', 'm2'])
  })

  it('a batch starts the next where one has ended', async () => {
    const { add, requests, bus, options } = await open()
    const returns: string[] = []
    const batch = runBatch(
      bus,
      { tgt: '*', fun: 'test.ping' },
      {
        onResolved: () => undefined,
        onExecuting: () => undefined,
        onReturn: ({ id }) => returns.push(id),
        onUnanswered: ({ text }) => returns.push(text),
      },
      { ...options, size: '1', waitMs: 0, failhard: false, newJid },
    )
    for (const [n, id] of ['m1', 'm2'].entries()) {
      const { jid, tgt } = (await requests.reach(n + 1))[n]!
      expect(tgt).toEqual([id])
      await add(jid, returned(0, id))
    }
    expect(await within(batch, 'the end')).toEqual({ left: [], openJids: [] })
    expect(returns).toEqual(['m1', 'm2'])
  })

  it('a job is followed to its end', async () => {
    const { add, bus, stop } = await open()
    const jid = newJid()
    const times = { start: Date.now(), deadline: FAR, run_until: FAR }
    await add(jid, newJob(0, { minions: ['m1', 'm2'], ...times }), sentJob(0, { waiting: ['m1'], offline: ['m2'] }))
    const first = (await createJobCache(bus.nc, bus.subjects).job(jid))!
    const states = createSeen<Record<string, string>>()
    const ended = followJob(
      bus,
      first,
      standing => states.push(Object.fromEntries(['m1', 'm2'].map(id => [id, standing.stateOf(id, Date.now())]))),
      { signal: stop.signal },
    )
    await states.find(({ m1, m2 }) => m1 === 'accepted' && m2 === 'offline', 'the states at first')
    await add(jid, started(0, 'm1'))
    await states.find(({ m1 }) => m1 === 'running', 'the start')
    await add(jid, returned(0, 'm1'), returned(0, 'm2', { success: false }))
    await within(ended, 'the end')
    expect(states.items.at(-1)).toEqual({ m1: 'returned', m2: 'failed' })
  })
})
