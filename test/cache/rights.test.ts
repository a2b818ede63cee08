// What of the history operators get to see who may not see all of it.
import { headers as createHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { parseJson, requestJson } from '../../src/bus/request.ts'
import type { HistoryPage } from '../../src/cache/history.ts'
import { serveHistory } from '../../src/cache/service.ts'
import type { JobAnswer } from '../../src/cache/wait.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import type { JobsPage } from '../../src/protocol/job-view.ts'
import { type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit, openAuthority } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { openDecisions } from './decisions/made.ts'
import { jidOf, MiB, newJob, openStore, returned, T0 } from './jobs.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const GRANTS: Record<string, Grants> = {
  ann: { ...NO_GRANTS, read: ['deploy/**', 'salt/job/*/ret/*'] },
  bob: NO_GRANTS,
  all: { ...NO_GRANTS, read: ['**'], jobs: 'all' },
}

/** On a server without accounts a test can say what the server would attest. */
async function open() {
  const core = await openCore(server, { byHand: true })
  const { nc, ns, subjects } = core
  const { audit, records } = keptAudit()
  const store = await openStore()
  const payloads = await openPayloadStore(nc, ns, { keepMs: 3_600_000, maxBytes: 64 * MiB, replicas: 1 })
  const clock = { now: () => T0 + 1000, sleep: () => Promise.resolve() }
  const authority = openAuthority({ grants: GRANTS, audit })
  const decisions = await openDecisions()
  const served = await serveHistory({
    ...{
      nc,
      subjects,
      store,
      decisions,
      payloads,
      overflow: createOverflow(payloads),
      authority,
      clock,
      log: silentLog,
    },
  })
  onTestFinished(() => served.stop())
  const ask = <T>(user: string, subject: string, body: unknown) => {
    const headers = createHeaders()
    headers.set('Nats-Request-Info', JSON.stringify({ acc: 'OPS', user }))
    return requestJson<T>(nc, subject, body, { timeoutMs: 10_000, headers, what: 'test' })
  }
  return { ...core, store, payloads, records, ask }
}

describe('events', () => {
  const TAGS = [
    'deploy/a',
    'salt/key',
    'salt/job/1/ret/web1',
    'salt/job/1/new',
    'deploy',
    'x',
    'deploy/b/c',
    'salt/auth',
  ]

  it('are those with tags that the operator may read', async () => {
    const { ask, fire, subjects } = await open()
    for (const tag of TAGS) await fire(tag, {})
    const page = await ask<HistoryPage>('ann', subjects.historyEvents, {})
    expect(page.events.map(({ tag }) => tag)).toEqual(['deploy/a', 'salt/job/1/ret/web1', 'deploy', 'deploy/b/c'])
    expect(page).toMatchObject({ next_seq: 8, last_seq: 8 })
    expect((await ask<HistoryPage>('all', subjects.historyEvents, {})).events.map(({ tag }) => tag)).toEqual(TAGS)
  })

  it('come in pages that end, through stretches in which there is nothing to see', async () => {
    const { ask, fire, subjects } = await open()
    await fire('deploy/1', {})
    for (let n = 0; n < 25; n++) await fire(`other/${n}`, {})
    await fire('deploy/2', {})
    for (let n = 0; n < 5; n++) await fire(`other/${n}`, {})
    const seen: string[] = []
    let pages = 0
    for (let after = 0; ; pages++) {
      const page = await ask<HistoryPage>('ann', subjects.historyEvents, { after_seq: after, limit: 4 })
      seen.push(...page.events.map(({ tag }) => tag))
      expect(page.next_seq).toBeGreaterThan(after)
      if (page.next_seq >= page.last_seq) break
      after = page.next_seq
    }
    expect({ seen, pages }).toEqual({ seen: ['deploy/1', 'deploy/2'], pages: 7 })
  })

  it('are refused to who may read none, with a record', async () => {
    const { ask, fire, subjects, records } = await open()
    await fire('deploy/a', {})
    const reason = "'bob' may not read events: no role of theirs grants it (@events)"
    await expect(ask('bob', subjects.historyEvents, {})).rejects.toMatchObject({ code: 'forbidden', message: reason })
    expect(records.items).toEqual([
      { kind: 'history', user: 'bob', source: 'OPS', action: 'history.events', result: 'refused', reason },
    ])
  })
})

describe('a job', () => {
  it("is seen by who asked for it and by who may see everybody's; for others there is none", async () => {
    const { ask, store, subjects, records } = await open()
    await store.add(newJob(1, { user: 'ann' }), returned(1))
    const job = (user: string, n: number) => ask<JobAnswer>(user, subjects.historyJob, { jid: jidOf(n) })
    expect(await job('ann', 1)).toMatchObject({ job: { jid: jidOf(1), returns: { m1: { return: true } } } })
    expect(await job('all', 1)).toMatchObject({ job: { jid: jidOf(1) } })
    expect(records.items).toEqual([])
    const none = await job('bob', 2)
    expect(none).toEqual({ job: null, marker: '' })
    expect(await job('bob', 1)).toEqual(none)
    expect(records.items).toEqual([
      expect.objectContaining({ kind: 'history', user: 'bob', action: 'history.job', result: 'refused' }),
    ])
  })

  it('whose announcement is not stored yet is nobody’s, and who waits for it gets it once it is', async () => {
    const { ask, store, subjects } = await open()
    await store.add(returned(1))
    expect(await ask('ann', subjects.historyJob, { jid: jidOf(1) })).toEqual({ job: null, marker: '' })
    const waiting = ask<JobAnswer>('ann', subjects.historyJob, { jid: jidOf(1), wait: 9 })
    await store.add(newJob(1, { user: 'ann' }))
    expect(await within(waiting, 'the job')).toMatchObject({ job: { jid: jidOf(1), user: 'ann' } })
  })

  it('of somebody else is waited for as one that there is not, whether it is there or comes', async () => {
    const { ask, store, subjects } = await open()
    await store.add(newJob(1, { user: 'ann' }))
    const asked = [1, 2, 3].map(n => ask<JobAnswer>('bob', subjects.historyJob, { jid: jidOf(n), wait: 0.5 }))
    const ended: number[] = []
    for (const [n, one] of asked.entries()) void one.then(() => ended.push(n + 1))
    await store.add(newJob(2, { user: 'ann' }), returned(2))
    expect(await Promise.all(asked)).toEqual([1, 2, 3].map(() => ({ job: null, marker: '' })))
    expect(ended).toHaveLength(3)
  })

  it('of somebody else is answered at once where one that there is not would be', async () => {
    const { ask, store, subjects } = await open()
    await store.add(newJob(1, { user: 'ann' }), returned(1))
    const asked = [1, 2].map(n => ask('bob', subjects.historyJob, { jid: jidOf(n), wait: 30, after: 'x' }))
    expect(await within(Promise.all(asked), 'both answers')).toEqual([1, 2].map(() => ({ job: null, marker: '' })))
  })
})

describe('jobs', () => {
  it("are one's own, whatever is asked for; everybody's with the right to it", async () => {
    const { ask, store, subjects, records } = await open()
    await store.add(newJob(1, { user: 'ann' }), newJob(2, { user: 'bob' }), newJob(3, { user: 'ann', fun: 'cmd.run' }))
    await store.add(returned(4))
    const jids = async (user: string, request: object) =>
      (await ask<JobsPage>(user, subjects.historyJobs, request)).jobs.map(({ jid }) => jid)
    expect(await jids('ann', {})).toEqual([jidOf(3), jidOf(1)])
    expect(await jids('ann', { fun: 'test.*' })).toEqual([jidOf(1)])
    expect(await jids('ann', { user: 'ann' })).toEqual([jidOf(3), jidOf(1)])
    expect(records.items).toEqual([])
    expect(await jids('ann', { user: 'bob' })).toEqual([])
    const reason = "'ann' may not see the jobs of 'bob': no role of theirs grants it (@jobs)"
    expect(records.items).toMatchObject([{ user: 'ann', action: 'history.jobs', result: 'refused', reason }])
    expect(await jids('ann', { user: '' })).toEqual([])
    expect(await jids('all', {})).toEqual([4, 3, 2, 1].map(jidOf))
    expect(await jids('all', { user: 'bob' })).toEqual([jidOf(2)])
  })

  it("come in pages that do not count others'", async () => {
    const { ask, store, subjects } = await open()
    await store.add(...Array.from({ length: 30 }, (_, n) => newJob(n, { user: n % 10 === 0 ? 'ann' : 'bob' })))
    const first = await ask<JobsPage>('ann', subjects.historyJobs, { limit: 2 })
    expect(first.jobs.map(({ jid }) => jid)).toEqual([jidOf(20), jidOf(10)])
    expect(first.more).toBe(true)
    const rest = await ask<JobsPage>('ann', subjects.historyJobs, { limit: 2, before: jidOf(10) })
    expect(rest).toMatchObject({ jobs: [{ jid: jidOf(0) }], more: false })
  })

  it('are asked for by a name', async () => {
    const { ask, subjects } = await open()
    await expect(ask('all', subjects.historyJobs, { user: 5 })).rejects.toThrow(
      "'user' must be the name of a user, got 5",
    )
  })
})

describe('a part of a large return', () => {
  it('is given to who may see its job, and to others as one that is not stored', async () => {
    const { nc, store, payloads, subjects, records } = await open()
    await store.add(newJob(1, { user: 'ann' }))
    const name = `m1.${jidOf(1)}`
    await payloads.put(name, 0, Buffer.from('"whole"'))
    const part = async (user: string, wanted: string) => {
      const headers = createHeaders()
      headers.set('Nats-Request-Info', JSON.stringify({ acc: 'OPS', user }))
      const body = JSON.stringify({ name: wanted, part: 0 })
      const reply = await nc.request(subjects.historyPayload, body, { timeout: 30_000, headers })
      return reply.headers?.get('Nats-Service-Error') || parseJson(reply.string())
    }
    expect(await part('ann', name)).toBe('whole')
    expect(await part('all', name)).toBe('whole')
    const missing = `m1.${jidOf(2)}`
    const refusal = (await part('bob', name)) as string
    expect(refusal).toMatch(/is not stored/)
    expect(refusal).toBe(String(await part('all', missing)).replace(missing, name))
    expect(records.items).toMatchObject([{ user: 'bob', action: 'history.payload', result: 'refused' }])
    for (const wrong of ['m1', '..', `m1.${jidOf(1)}/0`, '*'])
      expect(await part('bob', wrong)).toMatch(/'name' must be <escaped minion id>/)
  })

  it('of an answer is given to who knows its name', async () => {
    const { ask, payloads, subjects } = await open()
    const name = `_answers.${'ab'.repeat(16)}`
    await payloads.put(name, 0, Buffer.from('[1]'))
    expect(await ask('bob', subjects.historyPayload, { name, part: 0 })).toEqual([1])
  })
})

describe('reactions', () => {
  it('are for those who may read every event; others are refused, recorded', async () => {
    const { ask, records, subjects } = await open()
    expect(await ask('all', subjects.historyReactions, {})).toEqual({ reactions: [] })
    expect(await ask('all', subjects.historyRules, {})).toEqual([])
    for (const user of ['ann', 'bob'])
      for (const subject of [subjects.historyReactions, subjects.historyRules])
        await expect(ask(user, subject, {})).rejects.toMatchObject({
          code: 'forbidden',
          message: expect.stringContaining(`'${user}' may not read reactions`),
        })
    expect(records.items.slice(-2)).toMatchObject([
      { user: 'bob', action: 'history.reactions', result: 'refused' },
      { user: 'bob', action: 'history.rules', result: 'refused' },
    ])
  })
})
