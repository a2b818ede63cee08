import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { openLedger } from '../../src/jobs/ledger.ts'
import type { Decision } from '../../src/protocol/reaction.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { storedIn } from '../helpers/core.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { within } from '../helpers/wait.ts'

const HOUR = 3_600_000
const subjects = createSubjects('reactor')
let server: RestartableServer
let nc: NatsConnection
let publisher: Publisher

beforeEach(async () => {
  server = await startRestartableServer()
  nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  publisher = createPublisher(nc)
})

afterEach(async () => {
  publisher.stop()
  await nc.close()
  await server.remove()
})

const open = (worker: string) => openLedger(nc, subjects, publisher, worker, silentLog)
const decision = (key: string): Decision => ({ key, rule: 'r', event: 'e', tag: 't', state: 'done', ms: 1, jids: [] })
const stored = async () => (await (await jetstreamManager(nc)).streams.info('reactor_DONE')).state.messages
const storedDecisions = async () =>
  (await storedIn<{ decisions: Decision[] }>(nc, 'reactor_DONE')).flatMap(({ body }) => body.decisions)
/** Resolves on the turn on which the ledger has read the key. */
const learns = (ledger: { has(key: string): boolean }, key: string) =>
  within(
    (async () => {
      while (!ledger.has(key)) await new Promise(resolve => setImmediate(resolve))
    })(),
    `reading ${key}`,
  )

describe('the ledger', () => {
  it('knows a key once its decision is stored, and not before', async () => {
    const ledger = await open('w1')
    const appended = ledger.append(decision('a'))
    expect(ledger.has('a')).toBe(false)
    await appended
    expect(ledger.has('a')).toBe(true)
    expect(await stored()).toBe(1)
    await ledger.stop()
  })

  it('stores the decisions of one turn in batches, each decision once', async () => {
    const ledger = await open('w1')
    await Promise.all(Array.from({ length: 450 }, (_, i) => ledger.append(decision(`k${i}`))))
    expect(await stored()).toBe(3)
    const again = await open('w2')
    expect(Array.from({ length: 450 }, (_, i) => again.has(`k${i}`))).not.toContain(false)
    expect(again.has('k450')).toBe(false)
    await ledger.stop()
    await again.stop()
  })

  it('has read all that was done when it is opened, also after a restart of the server', async () => {
    const first = await open('w1')
    for (let i = 0; i < 5; i++) await first.append(decision(`k${i}`))
    await server.end('SIGKILL')
    await server.start()
    await first.append(decision('after'))
    const second = await open('w2')
    expect(['k0', 'k4', 'after'].map(key => second.has(key))).toEqual([true, true, true])
    await first.stop()
    await second.stop()
  })

  it('follows what other workers do', async () => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    await one.append(decision('of one'))
    await two.append(decision('of two'))
    await learns(two, 'of one')
    await learns(one, 'of two')
    await one.stop()
    await two.stop()
  })

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on following after the server ended by %s', async signal => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    await one.append(decision('before'))
    await learns(two, 'before')
    await server.end(signal)
    await server.start()
    await one.append(decision('after'))
    await learns(two, 'after')
    await within(two.sync(new AbortController().signal), 'reading up to the end')
    await one.stop()
    await two.stop()
  })

  it('reads over an entry that is malformed', async () => {
    await publisher.publish('reactor.done.x', 'not json')
    await publisher.publish('reactor.done.x', '{"decisions":5}')
    const one = await open('w1')
    await one.append(decision('good'))
    await publisher.publish('reactor.done.x', '[]')
    const two = await within(open('w2'), 'opening')
    expect(two.has('good')).toBe(true)
    await one.stop()
    await two.stop()
  })

  it('tells each that appends when the store refuses', async () => {
    const ledger = await open('w1')
    const jsm = await jetstreamManager(nc)
    await jsm.streams.update('reactor_DONE', { max_msgs: 1, discard: 'new' } as never)
    await ledger.append(decision('a'))
    const refused = await Promise.allSettled([ledger.append(decision('b')), ledger.append(decision('c'))])
    expect(refused).toMatchObject([{ reason: { code: 'store_refused' } }, { reason: { code: 'store_refused' } }])
    expect(ledger.has('b')).toBe(false)
    await ledger.stop()
  })

  it('splits what is more than half a mebibyte over several messages', async () => {
    const ledger = await open('w1')
    const large = Array.from({ length: 30 }, (_, i) => ({ ...decision(`k${i}`), reason: 'x'.repeat(600_000) }))
    const small = Array.from({ length: 20 }, (_, i) => ({ ...decision(`s${i}`), reason: 'x'.repeat(100_000) }))
    await Promise.all([...large, ...small].map(one => ledger.append(one)))
    expect([...large, ...small].every(({ key }) => ledger.has(key))).toBe(true)
    expect(await stored()).toBe(30 + 4)
    await ledger.stop()
  })

  it('stores a decision that no message can hold with its reason cut, beside the others of its turn', async () => {
    const ledger = await open('w1')
    await Promise.all([
      ledger.append(decision('before')),
      ledger.append({ ...decision('huge'), state: 'parked', reason: 'why '.repeat(500_000) }),
      ledger.append(decision('after')),
    ])
    const decisions = await storedDecisions()
    expect(decisions.map(({ key }) => key)).toEqual(['before', 'huge', 'after'])
    expect(decisions[1]).toMatchObject({
      state: 'parked',
      reason: expect.stringMatching(/^why why .* … \(cut: the decision had 20\d{5} bytes\)$/),
    })
    await ledger.stop()
  })

  it('knows nothing of what is older than it keeps', async () => {
    const writer = await open('w1')
    await writer.append(decision('old'))
    const later = { now: () => Date.now() + 3 * HOUR }
    const opened = await within(
      openLedger(nc, subjects, publisher, 'w2', silentLog, { keepMs: HOUR, clock: later }),
      'opening',
    )
    expect(opened.has('old')).toBe(false)
    const patient = await openLedger(nc, subjects, publisher, 'w3', silentLog, { keepMs: 4 * HOUR, clock: later })
    expect(patient.has('old')).toBe(true)
    for (const ledger of [writer, opened, patient]) await ledger.stop()
  })

  it('follows from the middle of the stream, also after a restart of the server', async () => {
    const writer = await open('w1')
    await writer.append(decision('old'))
    const follower = await openLedger(nc, subjects, publisher, 'w2', silentLog, { keepMs: -1 })
    await server.end()
    await server.start()
    await writer.append(decision('new'))
    await learns(follower, 'new')
    await writer.stop()
    await follower.stop()
  })

  it('knows attempts apart, and of one that is retried when the next is due, until that is decided', async () => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    const retrying = { ...decision('a'), state: 'retrying', next: 5, left: [[1, 2]] } as Decision
    await one.append(retrying)
    await learns(two, 'a')
    for (const ledger of [one, two, await open('w3')]) {
      expect(ledger.retrying('a')).toEqual({ next: 5, left: [[1, 2]] })
      expect(ledger.has('a#2')).toBe(false)
    }
    await one.append({ ...retrying, key: 'b', by: 'root' })
    // A person has stored the next attempt before that.
    expect(one.retrying('b')).toBeUndefined()
    await one.append({ ...decision('a'), attempt: 2 })
    await learns(two, 'a#2')
    const late = await open('w4')
    for (const ledger of [one, two, late]) {
      expect(ledger.has('a')).toBe(true)
      expect(ledger.retrying('a')).toBeUndefined()
    }
    await one.stop()
    await two.stop()
  })

  it('forgets the oldest where more is done than it holds, and says so', async () => {
    const forgot: number[] = []
    const started = Date.now()
    const options = { maxKeys: 1, onForgot: (until: number) => void forgot.push(until) }
    let at = started
    const clock = { now: () => at }
    const one = await openLedger(nc, subjects, publisher, 'w1', silentLog, { ...options, clock })
    await one.append(decision('a'))
    at = started + 24 * HOUR
    await one.append(decision('b'))
    expect(['a', 'b'].map(key => one.has(key))).toEqual([false, true])
    expect(forgot).toHaveLength(1)
    await one.stop()
  })

  it('reads its stream from the start where that was made anew', async () => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    for (let i = 0; i < 20; i++) await one.append(decision(`before${i}`))
    await learns(two, 'before19')
    const jsm = await jetstreamManager(nc)
    await jsm.streams.delete('reactor_DONE')
    await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
    for (let i = 0; i < 5; i++) await one.append(decision(`after${i}`))
    await within(two.sync(new AbortController().signal), 'reading up to the end')
    expect([0, 1, 2, 3, 4].map(i => two.has(`after${i}`))).not.toContain(false)
    // What was done before the stream was lost is still known here.
    expect(two.has('before7')).toBe(true)
    for (let i = 5; i < 40; i++) await one.append(decision(`after${i}`))
    await learns(two, 'after39')
    expect(two.has('after21')).toBe(true)
    await one.stop()
    await two.stop()
  })

  it('finds by itself that its stream was made anew', async () => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    for (let i = 0; i < 20; i++) await one.append(decision(`before${i}`))
    await learns(two, 'before19')
    await (await jetstreamManager(nc)).streams.delete('reactor_DONE')
    await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
    await one.append(decision('after'))
    await learns(two, 'after')
    await one.stop()
    await two.stop()
  })

  it('reads over what was only suppressed', async () => {
    await publisher.publish('reactor.done.r1', '{"worker":"r1","decisions":[],"suppressed":[{"rule":"r"}]}')
    await publisher.publish('reactor.done.r1', '{"worker":"r1","suppressed":[{"rule":"r"}]}')
    const lines: unknown[] = []
    const log = { ...silentLog, warn: (line: unknown) => void lines.push(line) } as typeof silentLog
    const one = await openLedger(nc, subjects, publisher, 'w1', log)
    await one.append(decision('a'))
    const two = await openLedger(nc, subjects, publisher, 'w2', log)
    expect(two.has('a')).toBe(true)
    expect(lines).toEqual([])
    await one.stop()
    await two.stop()
  })

  it('has read all that was stored before it is asked to, for each that asks', async () => {
    const [one, two] = await Promise.all([open('w1'), open('w2')])
    const never = new AbortController().signal
    await within(Promise.all([two.sync(never), two.sync(never)]), 'reading to the end of nothing')
    for (let i = 0; i < 50; i++) {
      await one.append(decision(`k${i}`))
      await within(Promise.all([two.sync(never), two.sync(never)]), 'reading to the end')
      expect(two.has(`k${i}`)).toBe(true)
    }
    // Its own entries count as read.
    await within(one.sync(never), 'reading to the end')
    await one.stop()
    await two.stop()
  })

  it('does not take its stream for another one where more is stored while it looks for the end', async () => {
    const lines: unknown[] = []
    const log = { ...silentLog, warn: (line: unknown) => void lines.push(line) } as typeof silentLog
    const ledger = await openLedger(nc, subjects, publisher, 'w1', log)
    const never = new AbortController().signal
    let writing = true
    const written = (async () => {
      for (let i = 0; i < 500; i++) await ledger.append(decision(`k${i}`))
      writing = false
    })()
    while (writing) await within(ledger.sync(never), 'reading to the end')
    await written
    expect(lines).toEqual([])
    await ledger.stop()
  })

  it('gives up reading to the end where the worker stops first', async () => {
    const one = await open('w1')
    await one.stop()
    await publisher.publish('reactor.done.x', '{"decisions":[]}')
    const stop = new AbortController()
    const reading = one.sync(stop.signal)
    stop.abort()
    await expect(within(reading, 'giving up')).rejects.toMatchObject({ code: 'unreachable' })
  })
})
