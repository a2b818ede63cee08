import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { requestJson } from '../../src/bus/request.ts'
import { createJobCache, createReactionHistory, readReactions } from '../../src/cache/client.ts'
import { serveHistory } from '../../src/cache/service.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { openAuthority } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { decided, openDecisions } from './decisions/made.ts'
import { jidOf, MiB, newJob, openStore, returned, sentJob, started, T0 } from './jobs.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const { nc, ns, subjects } = await openCore(server)
  const store = await openStore()
  const decisions = await openDecisions()
  const payloads = await openPayloadStore(nc, ns, { keepMs: 3_600_000, maxBytes: 64 * MiB, replicas: 1 })
  const clock = { now: () => T0 + 1000, sleep: () => Promise.resolve() }
  const served = await serveHistory({
    ...{
      nc,
      subjects,
      store,
      decisions,
      payloads,
      overflow: createOverflow(payloads),
      authority: openAuthority(),
      clock,
      log: silentLog,
    },
  })
  onTestFinished(() => served.stop())
  const ask = (subject: string, body: unknown) => requestJson(nc, subject, body, { timeoutMs: 5000, what: 'test' })
  return { nc, subjects, store, decisions, ask, cache: createJobCache(nc, subjects), stop: () => served.stop() }
}

describe('<ns>.history.job', () => {
  it('gives a job with its states and returns, or null', async () => {
    const { store, cache } = await open()
    await store.add(newJob(1, { minions: ['m1', 'm2'] }), sentJob(1, { offline: ['m2'] }), returned(1))
    expect(await cache.job(jidOf(1))).toMatchObject({
      ...{ jid: jidOf(1), states: { m1: 'returned', m2: 'offline' }, active: true },
      returns: { m1: { return: true } },
    })
    expect(await cache.job(jidOf(2))).toBeNull()
  })

  it('gives a job whose returns together are larger than a message whole', async () => {
    const { nc, subjects, store, cache } = await open()
    const ids = Array.from({ length: 40 }, (_, n) => `m${n}`)
    const value = (id: string) => ({ id, text: 'ü'.repeat(50_000) })
    await store.add(newJob(1, { minions: ids }), ...ids.map(id => returned(1, id, { return: value(id) })))
    const job = (await cache.job(jidOf(1)))!
    expect(Object.keys(job.returns)).toHaveLength(40)
    for (const id of ids) expect(job.returns[id]!.return).toEqual(value(id))
    // What a client that knows nothing of it sees: where to find it.
    const reply = await nc.request(subjects.historyJob, JSON.stringify({ jid: jidOf(1) }), { timeout: 30_000 })
    expect(reply.json()).toEqual({ _payload: JSON.parse(reply.headers!.get('Reactor-Payload')) })
  })

  it.each<[string, unknown, RegExp]>([
    ['no jid', {}, /'jid' is missing/],
    ['a jid that is none', { jid: '12' }, /'jid' must be a jid of 20 digits, got "12"/],
    ['a number as jid', { jid: 20261121000000000001n.toString().length }, /'jid' must be a jid/],
    ['an unknown key', { jid: jidOf(1), whole: true }, /unknown key 'whole'; there are jid/],
    ['a list', [], /the body must be a map of jid/],
    ['a wait that is too long', { jid: jidOf(1), wait: 31 }, /'wait' must be seconds from 0 to 30, got 31/],
    ['a marker that is none', { jid: jidOf(1), wait: 1, after: 7 }, /'after' must be the marker of an answer, got 7/],
  ])('refuses %s', async (_what, body, message) => {
    const { ask, subjects } = await open()
    await expect(ask(subjects.historyJob, body)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(message),
    })
  })
})

describe('a request that waits', () => {
  it('is answered once more is known of the job than it knows of, by whichever worker', async () => {
    const { store, cache } = await open()
    const other = await openStore({ dir: store.dir })
    const first = cache.changed(jidOf(1), 30)
    await other.add(newJob(1, { minions: ['m1', 'm2'] }))
    const { job, marker } = await within(first, 'the job')
    expect(job).toMatchObject({ jid: jidOf(1), returns: {} })

    for (const [fact, states] of [
      [sentJob(1, { waiting: ['m2'] }), { m1: 'running', m2: 'accepted' }],
      // As long as the one before it: only what it says is another.
      [sentJob(1, { waiting: ['m1'] }), { m1: 'running', m2: 'running' }],
      [started(1, 'm2'), { m1: 'running', m2: 'running' }],
      [returned(1, 'm2'), { m1: 'running', m2: 'returned' }],
    ] as const) {
      const { marker: before } = await cache.changed(jidOf(1), 0)
      const next = cache.changed(jidOf(1), 30, before)
      await store.add(fact)
      expect(await within(next, fact.what)).toMatchObject({ job: { states } })
    }
    expect(marker).not.toBe((await cache.changed(jidOf(1), 0)).marker)
  })

  it('is answered at once where more is known already, and with the same marker where its time is over', async () => {
    const { store, cache } = await open()
    await store.add(newJob(1))
    const { marker } = await within(cache.changed(jidOf(1), 30), 'what is there')
    await store.add(newJob(2), returned(2))
    expect(await cache.changed(jidOf(1), 0.2, marker)).toMatchObject({ job: { jid: jidOf(1) }, marker })
    expect(await cache.changed(jidOf(3), 0.2)).toEqual({ job: null, marker: '' })
  })

  it('is answered when the worker stops', async () => {
    const { nc, subjects, cache, stop } = await open()
    const waiting = cache.changed(jidOf(1), 30)
    await nc.request(subjects.historyJobs, '{}')
    await within(stop(), 'the stop')
    expect(await within(waiting, 'the answer')).toEqual({ job: null, marker: '' })
  })

  it('does not wait where too many do', async () => {
    const { cache } = await open()
    const waiting = Array.from({ length: 256 }, () => cache.changed(jidOf(1), 30).catch(() => undefined))
    expect(await within(cache.changed(jidOf(1), 30), 'the answer')).toEqual({ job: null, marker: '' })
    expect(waiting).toHaveLength(256)
  })
})

describe('<ns>.history.jobs', () => {
  it('gives pages that fit a message, until there are no more', async () => {
    const { store, cache } = await open()
    const minions = Array.from({ length: 2000 }, (_, n) => `minion-${n}.example.com`)
    await store.add(...Array.from({ length: 50 }, (_, n) => newJob(n, { minions })))
    const seen: string[] = []
    let pages = 0
    for (let before: string | undefined; ; pages++) {
      const page = await cache.jobs({ fun: 'test.*', ...(before ? { before } : {}) })
      seen.push(...page.jobs.map(({ jid }) => jid))
      if (!page.more) break
      before = seen.at(-1)
    }
    expect(pages).toBeGreaterThan(1)
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => jidOf(49 - n)))
  })

  it('gives all for an empty body', async () => {
    const { nc, store, subjects } = await open()
    await store.add(newJob(1))
    const reply = await nc.request(subjects.historyJobs, '', { timeout: 30_000 })
    expect(reply.json()).toMatchObject({ jobs: [{ jid: jidOf(1) }], more: false })
  })

  it.each<[string, unknown, RegExp]>([
    ['an unknown key', { funs: 'x' }, /unknown key 'funs'; .* Did you mean 'fun'\?/],
    ['a function that is none', { fun: 1 }, /'fun' must be a glob, or a list of at most 100, .*, got 1/],
    [
      'more globs than can be tried on every job',
      { fun: Array(101).fill('x') },
      /'fun' must be a glob, or a list of at/,
    ],
    ['a glob that is too long', { tgt: ['x'.repeat(1001)] }, /'tgt' must be .* of at most 1000 characters/],
    ['more kinds than there are', { kind: Array(40_000).fill('local') }, /'kind' must be one of local, runner, wheel/],
    ['a list of targets with one that is none', { tgt: ['a', null] }, /'tgt' must be/],
    ['metadata that is no map', { metadata: [] }, /'metadata' must be a map/],
    ['a kind that is none', { kind: 'remote' }, /'kind' must be one of local, runner, wheel/],
    ['a time that is none', { since: 'yesterday' }, /'since' must be milliseconds/],
    ['no number', { until: null }, /'until' must be milliseconds/],
    ['a limit of none', { limit: 0 }, /'limit' must be a whole number from 1 on, got 0/],
    ['a limit in part', { limit: 1.5 }, /'limit' must be/],
    ['a flag that is none', { active: 'yes' }, /'active' must be true or false/],
    ['a jid that is none', { before: 'x' }, /'before' must be a jid/],
    ['a text', 'x', /the body must be a map/],
  ])('refuses %s', async (_what, body, message) => {
    const { ask, subjects } = await open()
    await expect(ask(subjects.historyJobs, body)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(message),
    })
  })
})

describe('<ns>.history.reactions and .rules', () => {
  it('give what became of reactions in pages, and counts of rules', async () => {
    const { nc, subjects, decisions } = await open()
    await decisions.add(
      ...['a', 'b', 'c'].map(id => decided(id)),
      decided('d', { rule: 's', state: 'parked', reason: 'no disk' }),
    )
    const history = createReactionHistory(nc, subjects)
    const { reactions, cursor } = await history.reactions({ rule: 'r', limit: 2 })
    expect(reactions.map(({ key }) => key)).toEqual(['c/r', 'b/r'])
    const rest = await history.reactions({ rule: 'r', limit: 2, before: cursor! })
    expect(rest).toEqual({ reactions: [expect.objectContaining({ key: 'a/r', state: 'done' })] })
    const all = await readReactions(history, {}, 3)
    expect([all.reactions.length, typeof all.cursor]).toEqual([3, 'string'])
    expect(await history.rules()).toMatchObject([
      { rule: 'r', states: { done: 3 }, suppressed: {} },
      { rule: 's', states: { parked: 1 }, last_error: { reason: 'no disk' } },
    ])
  })

  it.each<[string, unknown, RegExp]>([
    ['a state that is none', { state: 'burnt' }, /'state' must be one of waiting, retrying, .* got "burnt"/],
    ['an unknown key', { rules: 'r' }, /unknown key 'rules'; there are rule/],
    ['too many rules', { rule: Array.from({ length: 101 }, () => 'r') }, /at most 100/],
    ['a cursor that is none', { before: 'x' }, /'before' must be the cursor of a page, got 'x'/],
    ['a list', [], /must be a map of rule/],
  ])('refuse %s', async (_what, body, message) => {
    const { ask, subjects } = await open()
    await expect(ask(subjects.historyReactions, body)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(message),
    })
    await expect(ask(subjects.historyRules, { rule: 'r' })).rejects.toMatchObject({ code: 'bad_argument' })
  })
})
