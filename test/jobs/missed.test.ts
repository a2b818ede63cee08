import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMissedRequest } from '../../src/jobs/missed.ts'
import type { PublishMessage } from '../../src/protocol/job.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(now: () => number = Date.now) {
  const core = await openCore(server)
  const worker = await openWorker(core, { away: undefined, here: YES }, { now })
  const run = async (request: Partial<PublishMessage> = {}) =>
    (await worker.publish({ tgt: '*', fun: 'test.ping', ...request }, { user: 'root' })).jid
  /** What the stream has: jids of records, and `<jid>.<minion>` of marks. */
  const marks = async () => {
    const jsm = await jetstreamManager(core.nc, { checkAPI: false })
    const { state } = await jsm.streams.info(`${core.ns}_JOBS`, { subjects_filter: '>' })
    return Object.keys(state.subjects ?? {})
      .map(subject => subject.split('.').slice(2).join('.'))
      .sort()
  }
  return { ...core, ...worker, run, marks }
}

describe('what a minion missed', () => {
  it('is every job that was sent while it was away, oldest first, as it would have come', async () => {
    const { run, missed, got } = await start()
    const first = await run({ fun: 'test.echo', arg: ['one'], kwarg: { token: 'secret' }, ret: 'mysql' })
    const second = await run()
    const { jobs } = await missed.page('away', [])
    expect(jobs.map(({ jid }) => jid)).toEqual([first, second])
    expect(jobs[0]).toEqual(got.items[0]!.job)
    expect(jobs.map(({ ret }) => ret)).toEqual(['mysql', undefined])
  })

  it('is nothing for a minion that was there', async () => {
    const { run, missed } = await start()
    await run()
    expect(await missed.page('here', [])).toEqual({ jobs: [] })
  })

  it('comes again until the minion says that it has it', async () => {
    const { run, missed, marks } = await start()
    const jids = [await run(), await run()]
    expect((await missed.page('away', [])).jobs).toHaveLength(2)
    expect((await missed.page('away', [jids[0]!])).jobs.map(({ jid }) => jid)).toEqual([jids[1]])
    expect(await missed.page('away', [jids[1]!])).toEqual({ jobs: [] })
    expect(await marks()).toEqual([jids[0]!, jids[1]!])
  })

  it('is forgotten for all where the job is to run nowhere any more', async () => {
    const core = await openCore(server)
    const { publish, missed } = await openWorker(core, { one: undefined, two: undefined })
    const { jid } = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'root' })
    const { jid: other } = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'root' })
    await missed.forget(jid)
    for (const id of ['one', 'two']) expect((await missed.page(id, [])).jobs.map(job => job.jid)).toEqual([other])
  })

  it('leaves out jobs whose time to start has passed, and forgets them', async () => {
    let now = Date.now()
    const { run, missed, marks } = await start(() => now)
    await run({ timeout: 3600 })
    const late = await run({ timeout: 7200 })
    now += 3_700_000
    expect((await missed.page('away', [])).jobs.map(({ jid }) => jid)).toEqual([late])
    expect((await marks()).filter(mark => mark.includes('.'))).toEqual([`${late}.away`])
  })

  it('comes in pages that a message can hold', async () => {
    const { run, missed } = await start()
    const text = 'x'.repeat(400_000)
    const jids = [await run({ arg: [text] }), await run({ arg: [text] }), await run({ arg: [text] })]
    const first = (await missed.page('away', [])).jobs.map(({ jid }) => jid)
    expect(first).toEqual(jids.slice(0, 2))
    expect((await missed.page('away', first)).jobs.map(({ jid }) => jid)).toEqual([jids[2]])
  })

  it('is not what reached it on the second try, because it came in between', async () => {
    const { publish, connect, missed, got, nc } = await start()
    const mark = missed.mark
    missed.mark = async (message, minions) => {
      await mark(message, minions)
      connect('away', YES)
      await nc.flush()
    }
    const published = await publish({ tgt: 'away', fun: 'test.ping' }, { user: 'root' })
    expect(published.offline).toEqual([])
    expect(got.items.map(({ id }) => id)).toEqual(['away'])
  })

  it('does not mix up minions whose ids look alike', async () => {
    const core = await openCore(server)
    const { publish, missed } = await openWorker(core, { 'a.b': undefined, a: undefined, '*': undefined })
    const { jid } = await publish({ tgt: 'a.b', fun: 'test.ping' }, { user: 'root' })
    expect((await missed.page('a.b', [])).jobs.map(job => job.jid)).toEqual([jid])
    expect(await missed.page('a', [])).toEqual({ jobs: [] })
    expect(await missed.page('*', [])).toEqual({ jobs: [] })
  })
})

it.each([
  undefined,
  null,
  {},
  { took: 'x' },
  { took: ['nonsense'] },
  { took: Array(101).fill('20261121093000123456') },
])('refuses a request of %j', body => {
  expect(() => readMissedRequest(body)).toThrow(/the body must be \{took: \[jids\]\}/)
})
