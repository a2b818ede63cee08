import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { requestJson } from '../../src/bus/request.ts'
import { createJobCache } from '../../src/cache/client.ts'
import { serveHistory } from '../../src/cache/service.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { jidOf, MiB, newJob, openStore, returned, sentJob, T0 } from './jobs.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const { nc, ns, subjects } = await openCore(server)
  const store = await openStore()
  const payloads = await openPayloadStore(nc, ns, { keepMs: 3_600_000, maxBytes: 64 * MiB, replicas: 1 })
  const clock = { now: () => T0 + 1000, sleep: () => Promise.resolve() }
  const served = await serveHistory({
    ...{ nc, subjects, store, payloads, overflow: createOverflow(payloads), clock, log: silentLog },
  })
  onTestFinished(() => served.stop())
  const ask = (subject: string, body: unknown) => requestJson(nc, subject, body, { timeoutMs: 5000, what: 'test' })
  return { nc, subjects, store, ask, cache: createJobCache(nc, subjects) }
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
    const reply = await nc.request(subjects.historyJob, JSON.stringify({ jid: jidOf(1) }), { timeout: 5000 })
    expect(reply.json()).toEqual({ _payload: JSON.parse(reply.headers!.get('Reactor-Payload')) })
  })

  it.each<[string, unknown, RegExp]>([
    ['no jid', {}, /'jid' is missing/],
    ['a jid that is none', { jid: '12' }, /'jid' must be a jid of 20 digits, got "12"/],
    ['a number as jid', { jid: 20261121000000000001n.toString().length }, /'jid' must be a jid/],
    ['an unknown key', { jid: jidOf(1), whole: true }, /unknown key 'whole'; there are jid/],
    ['a list', [], /the body must be a map of jid/],
  ])('refuses %s', async (_what, body, message) => {
    const { ask, subjects } = await open()
    await expect(ask(subjects.historyJob, body)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(message),
    })
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
    const reply = await nc.request(subjects.historyJobs, '', { timeout: 5000 })
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
