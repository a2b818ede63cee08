// A schedule entry in words: when it runs, and what.
import { cleanText } from '../../base/clean.ts'

type Item = Readonly<Record<string, unknown>>

const UNITS = [
  ['days', 'd'],
  ['hours', 'h'],
  ['minutes', 'm'],
  ['seconds', 's'],
] as const

const text = (value: unknown): string => cleanText(typeof value === 'string' ? value : JSON.stringify(value))
const span = (value: unknown): string => {
  const { start, end } = value as { start: unknown; end: unknown }
  return `${text(start)}–${text(end)}`
}

/** `every 5m, splay 30s`; `cron 0 4 * * * (Europe/Berlin)`. */
export function whenText(item: Item): string {
  const { splay, range, skip_during_range: skip, after, until, timezone } = item
  const times = timesText(item)
  const zone = timezone === undefined || times.startsWith('every ') ? '' : ` (${text(timezone)})`
  const more = [
    ...(splay === undefined
      ? []
      : [`splay ${typeof splay === 'object' && splay !== null ? span(splay) : seconds(splay)}`]),
    ...(range === undefined ? [] : [`${(range as Item).invert ? 'not ' : ''}within ${span(range)}`]),
    ...(skip === undefined ? [] : [`not within ${span(skip)}`]),
    ...(after === undefined ? [] : [`after ${text(after)}`]),
    ...(until === undefined ? [] : [`until ${text(until)}`]),
    ...(item.run_on_start && times !== '' ? ['and on start'] : []),
  ]
  return [`${times || 'on start'}${zone}`, ...more].join(', ')
}

function timesText(item: Item): string {
  const { every, when, cron, once } = item
  if (cron !== undefined) return `cron ${text(cron)}`
  if (when !== undefined) return `at ${[when].flat().map(text).join(', ')}`
  if (once !== undefined) return `once ${text(once)}`
  if (every !== undefined) return `every ${seconds(every)}`
  const parts = UNITS.flatMap(([key, unit]) => (item[key] === undefined ? [] : [`${text(item[key])}${unit}`]))
  return parts.length > 0 ? `every ${parts.join(' ')}` : ''
}

/** A bare number is seconds. */
const seconds = (value: unknown): string => (/^[\d.]+$/.test(String(value)) ? `${value}s` : text(value))

/** `local.test.ping web*`. */
export function whatText({ function: fun, tgt }: { function?: unknown; tgt?: unknown }): string {
  const on = tgt === undefined ? '' : ` ${[tgt].flat().map(text).join(',')}`
  return `${text(fun)}${on}`
}
