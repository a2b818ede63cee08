// What becomes of a match that no single event of the dispatcher's shows: of windows, and over time.
import { afterEach, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { ReactionEvent } from '../../src/protocol/reaction.ts'
import { ALL_SOURCES } from '../../src/protocol/trust.ts'
import { compileBundle } from '../../src/reactor/compiled-bundle.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../src/reactor/loop.ts'
import type { Facts } from '../../src/reactor/rules/facts.ts'
import { createSettle } from '../../src/reactor/settle.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'
import { bundle, subjects } from './dispatching.ts'

afterEach(() => vi.useRealTimers())

interface Sent {
  subject: string
  body: Record<string, unknown> & { reactions?: Record<string, unknown>[]; data?: Record<string, unknown> }
}

function open(text: string, rate = 600) {
  const sent = createSeen<Sent>()
  const alarms = createSeen<string>()
  const publisher = {
    async publish(subject: string, body: string | Uint8Array) {
      sent.push({ subject, body: JSON.parse(String(body)) })
      return { seq: 1, duplicate: false }
    },
    pending: () => 0,
    stop: () => undefined,
  }
  const settle = createSettle({
    ...{ subjects, publisher, log: keptLog().log },
    handOver: createHandOver(publisher, subjects),
    suppressions: createSuppressions(publisher, subjects, 'r1'),
    guard: createLoopGuard({ rate, clock: systemClock }),
    alarms: {
      raise: (kind, about) => alarms.push(`raise ${kind} ${about}`),
      clear: (kind, about) => alarms.push(`clear ${kind} ${about}`),
    },
  })
  const entry = compileBundle(bundle('b1', text)).entries[0]!
  return { settle, entry, sent, alarms }
}

const event = (more: Partial<ReactionEvent> = {}): ReactionEvent => ({
  ...{ id: 'opener', tag: 'my/a', origin: 'web1', seq: 3, storedMs: Date.now(), hops: 0 },
  ...more,
})
const window = { key: 'k', count: 2, first: 'f', last: 'l', events: [] }
const facts: Facts = { tag: 'my/b', data: { n: 2 }, origin: 'web2', stamp: 's', window }
const GROUP = 'rule: r\non: my/*\ngroup: { for: 1m }\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n'
const FAILING = GROUP.replace('data.n', 'data.missing')
const TOLD = 'on_failure: runner.test.arg\n'
const seen = { tag: 'my/b', origin: 'web2', stamp: 's', data: { n: 2 }, window }

it('a reaction of a window carries what the rule saw, for its on_failure, and only for that', async () => {
  for (const [text, carried] of [
    [GROUP, undefined],
    [GROUP + TOLD, seen],
  ] as const) {
    const { settle, entry, sent } = open(text)
    const error = await new Promise(resolve => settle.match(entry, 'b1', event(), facts, ALL_SOURCES, resolve))
    expect(error).toBeUndefined()
    expect(sent.items[0]!.body.reactions![0]!.seen).toEqual(carried)
  }
})

it('a window that cannot be rendered tells its on_failure what the rule saw', async () => {
  const { settle, entry, sent } = open(FAILING + TOLD)
  await new Promise(resolve => settle.match(entry, 'b1', event(), facts, ALL_SOURCES, resolve))
  const failure = sent.items.find(({ subject }) => subject.includes('salt.reactor.failed.r'))
  expect(failure!.body.data).toMatchObject({ rule: 'r', event: { id: 'opener', ...seen } })
})

it('a window is not cut by the rate of the minion that opened it, and is by that of services', async () => {
  const { settle, entry, sent } = open(GROUP, 1)
  const caused = { hops: 1, chain: 'z' }
  const match = (id: string, origin: string) =>
    new Promise(resolve => settle.match(entry, 'b1', event({ ...caused, id, origin }), facts, ALL_SOURCES, resolve))
  for (const origin of ['evil', '_jobs']) for (const n of [1, 2, 3]) await match(`${origin}${n}`, origin)
  const reacted = sent.items.flatMap(({ body }) => body.reactions ?? []).map(one => (one.event as ReactionEvent).id)
  expect(reacted).toEqual(['evil1', 'evil2', 'evil3', '_jobs1'])
})

it('a loop is alarmed by its rule, and that is over when it has not been for a while', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { settle, entry, alarms } = open(GROUP.replace('group: { for: 1m }\n', ''))
  const cut = (id: string) =>
    new Promise(resolve => settle.match(entry, 'b1', event({ id, hops: 1, chain: 'r' }), facts, ALL_SOURCES, resolve))
  await cut('1')
  vi.advanceTimersByTime(500_000)
  await cut('2')
  vi.advanceTimersByTime(500_000)
  expect(alarms.items).toEqual(['raise loop r', 'raise loop r'])
  vi.advanceTimersByTime(100_001)
  expect(alarms.items.at(-1)).toBe('clear loop r')
})
