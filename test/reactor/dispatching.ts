// A dispatcher whose stream is the test: what it publishes, and what the stream answers.
import { expect } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { ReactorError } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { Delivery } from '../../src/bus/raw.ts'
import { type Origin, userOrigin } from '../../src/protocol/origin.ts'
import type { DecisionBatch, Parked, ReactionBatch } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { compileBundle } from '../../src/reactor/compiled-bundle.ts'
import { createDispatcher } from '../../src/reactor/dispatch.ts'
import type { LookUp } from '../../src/reactor/facts/lookup.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../src/reactor/loop.ts'
import { compileRule } from '../../src/reactor/rules/compile.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'

export const subjects = createSubjects('reactor')
export const STORED = Date.UTC(2026, 10, 20, 9, 18, 20, 838)
export const ANY = 'rule: any\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n'

export interface Sent {
  subject: string
  body: ReactionBatch & Parked & DecisionBatch
  id: string
  /** How long the publish waits for its answer, milliseconds. */
  deadlineMs: number | undefined
  /** The stream's answer. */
  store(): void
  refuse(error?: Error): void
}

interface Options {
  grains?: Record<string, Record<string, unknown>>
  off?: string[]
  /** Names of the user's own facts. */
  facts?: string[]
  lookUp?: LookUp
}

/** A dispatcher on rules, with a publisher whose answers the test gives. */
export function start(rules: string, { grains = {}, off, facts = [], lookUp = async () => ({}) }: Options = {}) {
  const sent = createSeen<Sent>()
  const alarms = createSeen<{ kind: string; about: string; data: Record<string, unknown> }>()
  const { log, lines } = keptLog()
  const publisher: Publisher = {
    publish: (subject, body, options) =>
      new Promise((resolve, reject) =>
        sent.push({
          subject,
          body: JSON.parse(String(body)),
          id: options?.id ?? '',
          deadlineMs: options?.deadlineMs,
          store: () => resolve({ seq: 1, duplicate: false }),
          refuse: (error = new ReactorError('store_refused', 'the store is full')) => reject(error),
        }),
      ),
    pending: () => 0,
    stop: () => undefined,
  }
  const dispatcher = createDispatcher({
    ...{ subjects, publisher, lookUp, log },
    handOver: createHandOver(publisher, subjects),
    suppressions: createSuppressions(publisher, subjects, 'r1'),
    guard: createLoopGuard({ rate: 600, clock: systemClock }),
    alarms: { raise: (kind, about, data) => alarms.push({ kind, about, data }), clear: () => undefined },
    grainsOf: id => grains[id],
  })
  const names = new Set(facts)
  const use = (hash: string, text: string, options: { off?: string[] } = {}) =>
    dispatcher.use(
      compileBundle({ ...bundle(hash, text, names), ...options }, document => compileRule(document, { facts: names })),
    )
  use('b1', rules, off ? { off } : {})
  return { dispatcher, use, sent, alarms, lines }
}

export function bundle(hash: string, text: string, facts: ReadonlySet<string> = new Set()) {
  const { rules, problems } = loadRuleText('rules.yaml', text, undefined, facts)
  expect(problems).toEqual([])
  return { hash, rules }
}

/** The turn of the event loop is over: what was decided in it has gone out. */
export const turn = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

interface Given {
  tag?: string
  origin?: Origin
  data?: unknown
  text?: string
  headers?: Record<string, string>
}

/** One stored event, and what becomes of its delivery: `ack` or `retry`, each time. */
export function deliver({ tag = 'my/tag', origin = userOrigin('root'), data = { n: 1 }, text, headers }: Given = {}) {
  const settled = createSeen<'ack' | 'retry' | 'working'>()
  const all: Record<string, string> = headers ?? { 'Nats-Msg-Id': 'event-1' }
  const subject = subjects.event(origin, tag)
  const delivery: Delivery = {
    subject,
    text: () => text ?? JSON.stringify({ tag, data, _stamp: '2026-11-20T09:18:20.838387' }),
    header: name => all[name],
    storedMs: STORED,
    seq: 7,
    ack: () => settled.push('ack'),
    receipt: () => ({
      ack: () => settled.push('ack'),
      retry: () => settled.push('retry'),
      working: () => settled.push('working'),
    }),
  }
  return { delivery, settled }
}
