// The kinds of events of the load, the rules that want each, and what may become of their reactions.
import type { Event } from '../../src/protocol/event.ts'
import type { DecisionState, SuppressionReason } from '../../src/protocol/reaction.ts'

export type End = Exclude<DecisionState, 'retrying'> | SuppressionReason

export interface Expected {
  rule: string
  /** States that its reactions may end in, each with the reasons that are fit for it. */
  ends: Partial<Record<End, RegExp>>
  /**
   * How often its effect is there where it is done: `repeated` at least once, `single` once, `jobs` once for each minion on
   * which its job ran, `none` never. Where it is not done, `single` and `jobs` may be there once too. `always`: at least
   * once however it ended, and of one job.
   */
  effect: 'repeated' | 'single' | 'jobs' | 'none' | 'always'
  /**
   * Of a rule that remembers: whether it is this event that it fires at, of those of its kind in the order in which they
   * were stored; undefined: it may be.
   */
  fires?(event: Event, all: readonly Event[]): boolean | undefined
}

const ANY = /^/
/** Of what may not run twice, and was in hand when a process was killed. */
export const UNKNOWN = /not known/

const repeated = (rule: string): Expected => ({ rule, ends: { done: ANY }, effect: 'repeated' })
const single = (rule: string): Expected => ({ rule, ends: { done: ANY, parked: UNKNOWN }, effect: 'single' })
const ending = (rule: string, end: End, reason = ANY): Expected => ({ rule, ends: { [end]: reason }, effect: 'none' })
const windowed = (rule: string, end: End, fires: Expected['fires']): Expected => ({
  ...{ rule, ends: { done: ANY, [end]: ANY }, effect: 'repeated' },
  ...(fires ? { fires } : {}),
})

const number = ({ data }: Event): number => Number(data.n)
/** Events of the load that have a key in common. */
export const slotOf = (n: number): number => Math.floor(n / 100)
const sameSlot = (event: Event, all: readonly Event[]) =>
  all.filter(one => slotOf(number(one)) === slotOf(number(event)))
export const COUNTED = 3

/** By the second segment of the tag, `load/<kind>/<n>`. */
export const KINDS: Readonly<Record<string, readonly Expected[]>> = {
  idempotent: [repeated('idempotent')],
  once: [single('once')],
  local: [{ rule: 'local', ends: { done: ANY, parked: /offline|being stopped|not known/ }, effect: 'jobs' }],
  wheel: [repeated('wheel')],
  'wheel-once': [single('wheel-once')],
  mail: [single('mail')],
  http: [single('http')],
  pair: [repeated('pair-first'), single('pair-second')],
  chained: [single('chained')],
  broken: [ending('broken', 'parked', /never/)],
  unrendered: [ending('unrendered', 'parked', /missing/)],
  retried: [repeated('retried')],
  hopeless: [{ ...ending('hopeless', 'parked', /never/), effect: 'always' }],
  shadow: [ending('shadow', 'shadow')],
  off: [ending('off', 'off')],
  held: [ending('held', 'held')],
  // What it fires comes back to it.
  loop: [
    {
      ...{ rule: 'loop', ends: { done: ANY, parked: UNKNOWN, loop: ANY }, effect: 'none' },
      fires: ({ origin }) => (origin.kind === 'service' ? false : undefined),
    },
  ],
  throttle: [windowed('throttle', 'throttle', (event, all) => sameSlot(event, all)[0] === event)],
  count: [windowed('count', 'window', (event, all) => sameSlot(event, all).indexOf(event) % COUNTED === COUNTED - 1)],
  all: [
    windowed('all', 'window', (event, all) => {
      const both = all.filter(one => number(one) === number(event))
      return both.length === 2 && both[1] === event
    }),
  ],
  absent: [
    windowed('absent', 'window', event =>
      event.tag.endsWith('/came') ? false : number(event) % 2 === 0 ? true : undefined,
    ),
  ],
  group: [{ rule: 'group', ends: { done: ANY, window: ANY }, effect: 'always' }],
}

/** Tags of the events of a kind, one after the other. */
export function tagsOf(kind: string, n: number): string[] {
  const tag = `load/${kind}/${n}`
  if (kind === 'all') return [`${tag}/first`, `${tag}/second`]
  return kind === 'absent' && n % 2 === 1 ? [tag, `${tag}/came`] : [tag]
}
