import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBucket } from '../../../src/bus/bucket.ts'
import type { Lease } from '../../../src/bus/lease.ts'
import { bucketNames } from '../../../src/protocol/streams.ts'
import { createCheckpoint, readStates } from '../../../src/reactor/windows/checkpoint.ts'
import { createFolds } from '../../../src/reactor/windows/folds.ts'
import { startLeader } from '../../../src/reactor/windows/leader.ts'
import { openEventStream } from '../../../src/reactor/windows/stream-state.ts'
import { type Core, keptLog, openCore } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createGate, createSeen, within } from '../../helpers/wait.ts'
import { bundleOf } from './reactors.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const openWindows = (core: Core) => openBucket(core.nc, bucketNames(core.ns).windows, { replicas: 1 })
const { log } = keptLog()
/** Never known to be over: as if its holder were asleep. */
const ASLEEP: Lease = { valid: () => true, lost: new AbortController().signal, release: async () => undefined }
const NOTHING_STORED = {
  give: () => undefined,
  pending: () => 0,
  stored: async () => undefined,
  giveUp: () => undefined,
}

const openFolds = (core: Core, emit: (rule: string, event: string, what: string) => void) =>
  createFolds({
    prefix: core.subjects.eventPrefix,
    grainsOf: () => undefined,
    emit: ({ rule }, _bundle, output) => emit(rule.rule, output.event.id, output.do),
    gaveWay: () => undefined,
    log,
    maxKeys: 10,
    late: 1000,
  })

describe('the checkpoint', () => {
  const state = (seq: number, text: string | undefined) => new Map([['r', { definition: 'd', seq, text }]])

  it('gives back what was saved, small and large', async () => {
    const core = await openCore(server)
    const bucket = await openWindows(core)
    const first = createCheckpoint(bucket, 0, log)
    expect(await first.load()).toBeUndefined()
    const large = JSON.stringify('é'.repeat(300_000))
    const rules = new Map([...state(7, '{"a":1}'), ['big', { definition: 'e', seq: 9, text: large }]])
    expect(await first.save({ seq: 7, created: 'c' }, rules)).toBe(true)
    const loaded = (await createCheckpoint(bucket, 0, log).load())!
    expect(loaded.head).toMatchObject({
      seq: 7,
      created: 'c',
      rules: { r: { definition: 'd', seq: 7 }, big: { seq: 9 } },
    })
    expect(Object.fromEntries(loaded.states)).toEqual({ r: '{"a":1}', big: large })
    expect(await createCheckpoint(bucket, 1, log).load()).toBeUndefined()
  })

  it('keeps what has not changed, and leaves no parts of what has', async () => {
    const core = await openCore(server)
    const bucket = await openWindows(core)
    const one = createCheckpoint(bucket, 0, log)
    await one.load()
    const large = 'x'.repeat(300_000)
    await one.save({ seq: 1, created: 'c' }, state(1, large))
    await one.save({ seq: 2, created: 'c' }, state(2, undefined))
    const next = createCheckpoint(bucket, 0, log)
    const loaded = (await next.load())!
    expect([loaded.head.seq, loaded.head.rules.r!.seq, loaded.states.get('r')]).toEqual([2, 2, large])
    const parts = async () => {
      const keys: string[] = []
      for await (const key of await bucket.keys('0.>')) keys.push(key)
      return keys.length
    }
    expect(await parts()).toBe(2)
    await next.save({ seq: 3, created: 'c' }, state(3, 'small'))
    expect(await parts()).toBe(0)
    await next.save({ seq: 4, created: 'c' }, state(4, large))
    expect(await next.clear()).toBe(true)
    expect(await parts()).toBe(0)
    expect(await createCheckpoint(bucket, 0, log).load()).toBeUndefined()
  })

  it('is not written by who has been followed by another, who sweeps up what it left', async () => {
    const core = await openCore(server)
    const bucket = await openWindows(core)
    const [old, next] = [createCheckpoint(bucket, 0, log), createCheckpoint(bucket, 0, log)]
    await old.load()
    await old.save({ seq: 1, created: 'c' }, state(1, 'a'))
    await next.load()
    expect(await next.save({ seq: 2, created: 'c' }, state(2, 'b'))).toBe(true)
    expect(await old.save({ seq: 9, created: 'c' }, state(9, 'x'.repeat(300_000)))).toBe(false)
    expect(await old.clear()).toBe(false)
    await bucket.put('0.r.gone.0', 'left')
    const loaded = (await createCheckpoint(bucket, 0, log).load())!
    expect([loaded.head.seq, loaded.states.get('r')]).toEqual([2, 'b'])
    const keys: string[] = []
    for await (const key of await bucket.keys('>')) keys.push(key)
    expect(keys).toEqual(['0'])
  })

  it('is that of a new leader from when it has loaded it, wherever the old one was stopped in its last save', async () => {
    const core = await openCore(server)
    const bucket = await openWindows(core)
    const [reached, go] = [createGate(), createGate()]
    let stopped = false
    /** The old leader's, which stops between its parts and its head. */
    const put: typeof bucket.put = async (key, value, options) => {
      if (stopped && options?.previousSeq !== undefined) {
        reached.open()
        await go.passed
      }
      return bucket.put(key, value, options)
    }
    const old = createCheckpoint(Object.assign(Object.create(bucket), { put }), 0, log)
    await old.load()
    await old.save({ seq: 1, created: 'c' }, state(1, 'a'.repeat(20_000)))
    stopped = true
    const saving = old.save({ seq: 2, created: 'c' }, state(2, 'b'.repeat(20_000)))
    await reached.passed
    const next = createCheckpoint(bucket, 0, log)
    expect((await next.load())!.head.seq).toBe(1)
    go.open()
    expect(await saving).toBe(false)
    expect(await next.save({ seq: 3, created: 'c' }, state(3, 'c'.repeat(20_000)))).toBe(true)
    const third = (await createCheckpoint(bucket, 0, log).load())!
    expect([third.head.seq, third.states.get('r')]).toEqual([3, 'c'.repeat(20_000)])
  })

  it('begins a rule anew whose state cannot be read, and keeps the others', async () => {
    const core = await openCore(server)
    const bucket = await openWindows(core)
    const one = createCheckpoint(bucket, 0, log)
    await one.load()
    const large = JSON.stringify('x'.repeat(20_000))
    const rules = new Map(
      ['whole', 'missing', 'broken'].map(rule => [
        rule,
        { definition: 'd', seq: 1, text: rule === 'broken' ? '{"a":' : large },
      ]),
    )
    await one.save({ seq: 1, created: 'c' }, rules)
    for await (const key of await bucket.keys('0.missing.>')) await bucket.purge(key)
    const { log: told, lines } = keptLog()
    const loaded = (await createCheckpoint(bucket, 0, told).load())!
    expect([...(await readStates(loaded, told)).keys()]).toEqual(['whole'])
    expect(lines.items.filter(({ level }) => level === 50).map(({ rule }) => rule)).toEqual(['missing', 'broken'])
    await bucket.put('0', 'no head')
    expect(await createCheckpoint(bucket, 0, told).load()).toBeUndefined()
  })
})

it('a bundle that cannot be taken up at once is taken up as soon as it can', async () => {
  const core = await openCore(server)
  const real = openEventStream(await jetstreamManager(core.nc), core.ns, 1)
  const refused = createGate()
  let fails = false
  const stream = {
    ...real,
    async decidedUpTo() {
      if (!fails) return real.decidedUpTo()
      fails = false
      refused.open()
      throw new Error('timeout')
    },
  }
  const rule = (name: string) => `rule: ${name}\non: n/*\ncount: { at_least: 5, within: 1h }\ndo: runner.test.arg\n`
  const given = createSeen<string>()
  const folds = openFolds(core, (name, id) => given.push(`${name} ${id}`))
  const checkpoint = createCheckpoint(await openWindows(core), 0, log)
  const minions = () => new Set<string>()
  const parts = { nc: core.nc, stream, lease: ASLEEP, checkpoint, folds, deliver: NOTHING_STORED, minions, log }
  const leader = await startLeader(parts, bundleOf('b1', rule('a')))
  onTestFinished(() => leader.stop())
  fails = true
  leader.use(bundleOf('b2', `${rule('a')}---\n${rule('b')}`))
  await within(refused.passed, 'the failure')
  await core.fire('n/1', {})
  await given.find(text => text.startsWith('b '), 'the event under the new rule')
})

it('a leader that was paused while another took over steps down, and has changed nothing', async () => {
  const core = await openCore(server)
  const bucket = await openWindows(core)
  const jsm = await jetstreamManager(core.nc)
  const bundle = bundleOf('b1', 'rule: r\non: n/*\ncount: { at_least: 5, within: 1h }\ndo: runner.test.arg\n')
  const lead = async () => {
    const given = createSeen<string>()
    const folds = openFolds(core, (_rule, id, what) => given.push(`${what} ${id}`))
    const stream = openEventStream(jsm, core.ns, 1)
    const checkpoint = createCheckpoint(bucket, 0, log)
    const minions = () => new Set<string>()
    const parts = { nc: core.nc, stream, lease: ASLEEP, checkpoint, folds, deliver: NOTHING_STORED, minions, log }
    const leader = await startLeader(parts, bundle)
    onTestFinished(() => leader.stop())
    return { leader, given }
  }
  const fire = async (count: number) => {
    for (let n = 0; n < count; n++) await core.fire('n/1', { n })
  }
  const old = await lead()
  await fire(4)
  await old.given.reach(4)
  const next = await lead()
  await fire(2)
  await within(Promise.race([old.leader.ended, next.leader.ended]), 'the end of one of them')
  await old.given.reach(6)
  await next.given.find(text => text.startsWith('fire'), 'the firing by the next')
  // Whoever gives it, it is the same.
  const fired = (given: string[]) => given.filter(text => text.startsWith('fire'))
  expect(fired(old.given.items)).toEqual(fired(next.given.items))
  const ended = createSeen<string>()
  void old.leader.ended.then(() => ended.push('old'))
  void next.leader.ended.then(() => ended.push('next'))
  await ended.reach(1)
  await fire(3)
  const survivor = ended.items[0] === 'old' ? next : old
  await survivor.given.reach(survivor.given.items.length)
  expect(ended.items).toHaveLength(1)
})
