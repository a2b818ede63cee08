// A rule document as one would write it in a rule file: `kind.function: parameters`, durations as words. What is read from it
// is the same rule again.
import { formatDuration, parseDuration } from '../../base/duration.ts'
import { isObject } from '../../base/json.ts'
import type { RuleAction, RuleDocument } from '../rules/schema.ts'

/** Keys that hold milliseconds, wherever they stand below these keys of a rule. */
const TIMED = new Set(['throttle', 'count', 'all_of', 'absent', 'group'])
const SPANS = new Set(['once_within', 'once_after', 'within', 'for'])

/** In the order in which people write them. */
export function writtenRule(document: RuleDocument): Record<string, unknown> {
  const { rule, description, on, when, do: actions, on_failure, source: _place, ...rest } = document
  // The globs of its events are written with them alone.
  const tags = document.all_of ? {} : { on: on.length === 1 ? on[0] : on }
  return {
    rule,
    ...(description === undefined ? {} : { description }),
    ...tags,
    ...(when === undefined ? {} : { when }),
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, written(key, value)])),
    do: actions.map(writtenAction),
    ...(on_failure ? { on_failure: on_failure.map(writtenAction) } : {}),
  }
}

function written(key: string, value: unknown): unknown {
  if (key === 'retry') {
    const { attempts, backoff } = value as NonNullable<RuleDocument['retry']>
    return { attempts, backoff: backoff.map(writtenSpan).join('..') }
  }
  if (!TIMED.has(key) || !isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SPANS.has(name) && typeof inner === 'number'
        ? writtenSpan(inner)
        : name === 'events'
          ? writtenEvents(inner)
          : inner,
    ]),
  )
}

const writtenEvents = (events: unknown): unknown =>
  Array.isArray(events)
    ? events.map(event => ({ ...event, on: event.on.length === 1 ? event.on[0] : event.on }))
    : events

function writtenAction({ kind, fun, params }: RuleAction): unknown {
  const name = `${kind}.${fun}`
  return params === undefined || params === null ? name : { [name]: params }
}

const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** `90s` and not `2m`: nothing is rounded. */
function writtenSpan(ms: number): string {
  const short = formatDuration(ms)
  if (parseDuration(short) === ms && !short.includes('.')) return short
  const [unit, size] = UNITS.find(([, size]) => ms % size === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}
