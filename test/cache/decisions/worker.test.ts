import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { openDatabase } from '../../../src/base/sqlite.ts'
import { provisionStreams } from '../../../src/bus/provision.ts'
import { MIGRATIONS } from '../../../src/cache/decisions/tables.ts'
import { startDecisionWorker } from '../../../src/cache/decisions/worker.ts'
import { sqliteFailure } from '../../../src/cache/sqlite-store.ts'
import type { Decision, Suppression } from '../../../src/protocol/reaction.ts'
import { DEFAULT_LIMITS, decisionsConsumer, streamNames } from '../../../src/protocol/streams.ts'
import { keptLog, openCore } from '../../helpers/core.ts'
import { testFolder } from '../../helpers/folder.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen } from '../../helpers/wait.ts'
import { countsOf, decided, openDecisions, pageOf, suppressed, watched } from './made.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const dir = await testFolder()
  const { log, lines } = keptLog()
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const stream = streamNames(ns).done
  const store = await openDecisions({ dir })
  /** Another worker, with the same file. */
  const start = async () => {
    const watch = watched(await openDecisions({ dir }))
    const worker = await startDecisionWorker({
      ...{ nc, subjects, store: watch.watching, readFailure: sqliteFailure, log },
      ...{ keepMs: 3_600_000, clock: systemClock },
    })
    onTestFinished(() => worker.stop())
    return { ...watch, stop: () => worker.stop() }
  }
  let id = 0
  const append = (decisions: Decision[], more: Suppression[] = [], body?: string) =>
    publisher.publish(
      subjects.done('w'),
      body ?? JSON.stringify({ worker: 'w', decisions, ...(more.length > 0 ? { suppressed: more } : {}) }),
      { id: `m${id++}` },
    )
  const consumer = decisionsConsumer(ns).durable_name
  return { ...core, jsm, stream, consumer, store, lines, start, append }
}

describe('a cache worker', () => {
  it('keeps what the ledger says, and acks it', async () => {
    const { start, append, store, jsm, stream, consumer } = await open()
    await append([decided('a'), decided('b', { state: 'parked', reason: 'why' })], [suppressed(['c', 'd'])])
    const { commits, stop } = await start()
    await commits.reach(1)
    await stop()
    const states = (await pageOf(store)).map(({ key, state, reason }) => [key, state, reason])
    expect(states).toEqual([
      ['d/r', 'suppressed', 'throttle'],
      ['c/r', 'suppressed', 'throttle'],
      ['b/r', 'parked', 'why'],
      ['a/r', 'done', undefined],
    ])
    await expect.poll(() => jsm.consumers.info(stream, consumer)).toMatchObject({ num_ack_pending: 0, num_pending: 0 })
  })

  it('shares the ledger with another, and together they count each once', async () => {
    const { start, append, store } = await open()
    const [one, two] = [await start(), await start()]
    const all = createSeen<number>()
    const seen = new Set<number>()
    for (const { commits } of [one, two]) {
      const push = commits.push.bind(commits)
      commits.push = item => {
        push(item)
        if (!seen.has(item.seq)) all.push(seen.add(item.seq).size)
      }
    }
    await Promise.all(Array.from({ length: 400 }, (_, n) => append([decided(`e${n}`)], [suppressed([`s${n}`])])))
    await all.reach(400)
    expect(one.commits.items.length).toBeGreaterThan(0)
    expect(two.commits.items.length).toBeGreaterThan(0)
    expect(await countsOf(store)).toMatchObject({ states: { done: 400 }, suppressed: { throttle: 400 } })
  })

  it.each([
    ['before', 'the store failed'],
    ['after', 'its commit was through, and the ack was not'],
  ] as const)('takes a message again where %s: %s', async (when, _what) => {
    const { start, append, store } = await open()
    const { commits, failWith } = await start()
    failWith({ [when]: Object.assign(new Error('disk full'), {}) })
    await append([decided('a')])
    await commits.reach(1)
    expect((await countsOf(store))!.states).toEqual({ done: 1 })
  })

  it('begins anew with a ledger that was made anew, though its sequences were there before', async () => {
    const { nc, ns, start, append, store, jsm, stream } = await open()
    const { commits } = await start()
    await append([decided('a')])
    await append([decided('b')])
    await commits.reach(2)
    await jsm.streams.delete(stream)
    await provisionStreams(nc, ns, DEFAULT_LIMITS)
    await append([decided('c')])
    await commits.reach(3)
    expect((await countsOf(store))!.states).toEqual({ done: 3 })
  })

  it('passes over an entry that cannot be read, once, and says so', async () => {
    const { start, append, store, lines } = await open()
    const { commits } = await start()
    for (const body of ['{', '[]', '{"decisions":[null]}', '{"decisions":[],"suppressed":[{"rule":"r"}]}'])
      await append([], [], body)
    await append([decided('a')])
    await commits.reach(5)
    expect(lines.items.filter(({ msg }) => /entry of the ledger is malformed/.test(msg))).toHaveLength(4)
    expect((await pageOf(store)).map(({ event }) => event)).toEqual(['a'])
  })

  it('remembers one by one only what is above a gap', async () => {
    const { start, append, store } = await open()
    const { commits } = await start()
    for (let n = 0; n < 20; n++) await append([decided(`e${n}`)])
    await commits.reach(20)
    const db = openDatabase(`${store.dir}/decisions.db`, { migrations: MIGRATIONS })
    onTestFinished(() => db.close())
    expect(db.prepare('select count(*) as n from applied').get()).toEqual({ n: 0 })
    expect(db.prepare('select floor from ledger').get()).toEqual({ floor: 20 })
  })
})
