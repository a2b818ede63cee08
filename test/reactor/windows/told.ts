// Folds told of events by hand, and what they say in words that can be compared.
import type { RuleDocument } from '../../../src/reactor/rules/schema.ts'
import { createRuleFold, type RuleFold } from '../../../src/reactor/windows/rule-fold.ts'
import type { Bounds, Output, Trigger } from '../../../src/reactor/windows/window.ts'

export const START = Date.UTC(2026, 10, 20, 9, 0, 0)
export const BOUNDS: Bounds = { maxKeys: 1000, late: 60_000 }

export type Part = Partial<Pick<RuleDocument, 'throttle' | 'count' | 'all_of' | 'absent' | 'group'>>

/** One event, in milliseconds since the start of the test. */
export interface Told {
  /** When it was stored. */
  now: number
  /** When it happened; default: when it was stored. */
  at?: number
  key?: string
  id?: string
  steps?: number[]
  until?: boolean
  bytes?: number
  throttleBy?: string
}

export const documentOf = (part: Part): RuleDocument => ({
  rule: 'r',
  on: ['a/*'],
  do: [{ kind: 'runner', fun: 'test.arg', params: null }],
  source: { file: 'r.yaml', line: 1 },
  ...part,
})

export const foldOf = (part: Part, bounds = BOUNDS): RuleFold =>
  createRuleFold(documentOf(part), (trigger: Trigger) => String(trigger.data.throttleBy ?? ''), bounds)

let ids = 0

/** What happens before it, and what it does. */
export function tell(fold: RuleFold, told: Told): string[] {
  const { now, at = now, key = '', steps = [], until = false, bytes = 100, throttleBy } = told
  const id = told.id ?? `e${++ids}`
  const before = fold.due(START + now)
  const event = { id, tag: `a/${id}`, origin: '_jobs', seq: ++ids, storedMs: START + now, hops: 0 }
  const trigger: Trigger = { event, data: { n: id, throttleBy }, stamp: `${at}`, sources: 0 }
  return words([...before, ...fold.event({ trigger, key, at: START + at, now: START + now, bytes, steps, until })])
}

export const due = (fold: RuleFold, now: number): string[] => words(fold.due(START + now))

/** `fire e3 from e1 @500 x2`: the work is named by e1, its facts are those of e3, at 500 ms, of a window of two. */
export const words = (outputs: readonly Output[]): string[] =>
  outputs.map(output => {
    if (output.do === 'suppress') return `${output.reason} ${output.event.id}`
    if (output.do === 'fail' || output.do === 'loop') return `${output.do} ${output.event.id}`
    const { event, trigger, at, window } = output
    const events = window.events.length > 0 ? ` [${window.events.map(({ data }) => data.n ?? data.id).join(' ')}]` : ''
    return `fire ${trigger.event.id} from ${event.id} @${at - START} x${window.count}${events}`
  })
