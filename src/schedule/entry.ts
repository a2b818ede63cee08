// A schedule entry, read: when it is due, what holds it back, and what it calls. What a call is, master and minion say.
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { type Item, readItem } from './item.ts'
import { readPhrase } from './phrase.ts'
import type { Settings } from './settings.ts'
import { readSplay, type Splay } from './splay.ts'
import { parseTime, TIME_FORMAT } from './strptime.ts'
import { atPhrases, cronTimes, everyMs, onceAt, type Times, within } from './times.ts'
import { readWindow, type Window } from './window.ts'
import { readZone } from './zone.ts'

export type CatchUp = 'none' | 'last' | 'all'

export interface Entry<Call = unknown> {
  name: string
  item: Item
  call: Call
  times: Times
  /** Changes with when it is due, and with nothing else: an interval counts anew then. */
  timesKey: string
  zone: string
  enabled: boolean
  splay?: Splay
  range?: Window & { invert: boolean }
  skipDuringRange?: Window
  /** Runs in place of what that range skips. */
  skipFunction?: string
  runAfterSkipRange: boolean
  runOnStart: boolean
  catchUp: CatchUp
  /** Runs at once; without a bound where they are not counted. */
  maxRunning: number
  dryRun: boolean
}

export interface Reading<Call> {
  settings: Settings
  /** Phrases by name, for `when`. */
  whens: Readonly<Record<string, string>>
  /** Throws `bad_argument` of what cannot be called. */
  callOf(item: Item): Call
}

const NAME = /^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_.: -]{0,99}$/
/** A million days: what is due beyond the years that a date has cannot be shown. */
const LONGEST_MS = 86_400_000e6
/** Gaps between times that are looked at for the shortest. */
const GAPS = 50
const FAMILIES = {
  interval: ['seconds', 'minutes', 'hours', 'days', 'every'],
  when: ['when'],
  cron: ['cron'],
  once: ['once'],
} as const
type Family = keyof typeof FAMILIES

/** Throws `bad_argument` that says what is wrong with it; the name is for who calls to say. */
export function readEntry<Call>(name: string, given: unknown, { settings, whens, callOf }: Reading<Call>): Entry<Call> {
  if (!NAME.test(name))
    throw wrong(
      `a name has letters, digits, '_', '.', ':', '-' and spaces, at most 100, and starts with none of the last four`,
    )
  const read = readItem(given)
  const { enabled = true, maxrunning = 1, jid_include = true } = read
  const item = { ...read, enabled, maxrunning, jid_include, name }
  const zone = item.timezone === undefined ? settings.zone : readZone(item.timezone)
  const { times, timesKey } = timesOf(item, zone, whens)
  const splay = item.splay === undefined ? settings.splay : readSplay(item.splay)
  if (item.splay !== undefined && splay) refuseLongSplay(splay, times)
  const skip = item.skip_during_range === undefined ? undefined : readWindow(item.skip_during_range, zone)
  const skipDuringRange = skip ?? settings.skipDuringRange
  if (item.run_after_skip_range && !skipDuringRange) throw wrong(`'run_after_skip_range' needs a skip_during_range`)
  return {
    name,
    item,
    call: callOf(item),
    times,
    timesKey,
    zone,
    enabled,
    ...(splay ? { splay } : {}),
    ...(item.range ? { range: { ...readWindow(item.range, zone), invert: item.range.invert ?? false } } : {}),
    ...(skipDuringRange ? { skipDuringRange } : {}),
    ...(skipDuringRange && settings.skipFunction ? { skipFunction: settings.skipFunction } : {}),
    runAfterSkipRange: item.run_after_skip_range ?? false,
    runOnStart: item.run_on_start ?? false,
    catchUp: item.catch_up ?? 'none',
    maxRunning: jid_include ? maxrunning : Number.POSITIVE_INFINITY,
    dryRun: item.dry_run ?? false,
  }
}

const wrong = (what: string) => new ReactorError('bad_argument', what)

function timesOf(
  item: Item,
  zone: string,
  whens: Readonly<Record<string, string>>,
): { times: Times; timesKey: string } {
  const given = (family: Family) => FAMILIES[family].filter(key => item[key] !== undefined)
  const families = (Object.keys(FAMILIES) as Family[]).filter(family => given(family).length > 0)
  if (families.length > 1)
    throw wrong(
      `${families
        .flatMap(given)
        .map(key => `'${key}'`)
        .join(' and ')} cannot be used together: give one kind of time`,
    )
  const [family] = families
  if (family === undefined && !item.run_on_start)
    throw wrong('it says no time: give seconds, minutes, hours, days, every, when, cron or once')
  const of = {
    zone: family === 'interval' ? '' : zone,
    ...Object.fromEntries(families.flatMap(given).map(key => [key, item[key]])),
  }
  const [after, until] = (['after', 'until'] as const).map(key =>
    item[key] === undefined ? undefined : dateOf(key, item[key], zone),
  )
  if (after !== undefined && until !== undefined && after >= until)
    throw wrong(`'until' (${item.until}) must lie after 'after' (${item.after})`)
  return {
    times: within(family ? READ[family](item, zone, whens) : onceAt(Number.NEGATIVE_INFINITY), after, until),
    timesKey: JSON.stringify(of),
  }
}

const READ: Record<Family, (item: Item, zone: string, whens: Readonly<Record<string, string>>) => Times> = {
  interval(item) {
    const { seconds = 0, minutes = 0, hours = 0, days = 0, every } = item
    const added = (seconds + minutes * 60 + hours * 3600 + days * 86_400) * 1000
    if (every !== undefined && added > 0) throw wrong(`'every' says the whole interval: leave out the others`)
    const ms = Math.round(every === undefined ? added : parseDuration(every))
    if (ms < 1000) throw wrong(`the interval must be a second at least, got ${ms / 1000} s`)
    if (ms > LONGEST_MS) throw wrong(`the interval must be a million days at most, got ${ms / 86_400_000} days`)
    return everyMs(ms)
  },
  when(item, zone, whens) {
    const texts = [item.when ?? []].flat()
    return atPhrases(
      texts.map(text => (Object.hasOwn(whens, text) ? whens[text]! : text)),
      zone,
    )
  },
  cron(item, zone) {
    const line = item.cron ?? ''
    const times = cronTimes(line, zone)
    // Any other has such a day every month or year.
    if (line.trim().split(/\s+/)[2] !== '*' && times.next(0, 0) === undefined)
      throw wrong(`the cron line '${line}' never comes: there is no such day`)
    return times
  },
  once(item, zone) {
    const { once = '', once_fmt } = item
    if (once_fmt !== undefined) return onceAt(parseTime(once, once_fmt, zone))
    return onceAt(dateOf('once', once, zone))
  },
}

/** Of a time that comes once. */
function dateOf(key: string, text: string, zone: string): number {
  const phrase = readPhrase(text, zone)
  if (!phrase.dated) throw wrong(`'${key}' needs a date, got '${text}', which comes again and again`)
  return phrase.next(Number.NEGATIVE_INFINITY)!
}

/** Two runs would change places. */
function refuseLongSplay(splay: Splay, times: Times): void {
  if (splay.toMs > LONGEST_MS)
    throw wrong(`the splay must be a million days at most, got ${splay.toMs / 86_400_000} days`)
  let shortest = times.interval ?? Number.POSITIVE_INFINITY
  let at = times.next(0, 0)
  for (let gap = 0; at !== undefined && times.interval === undefined && gap < GAPS; gap += 1) {
    const next = times.next(at, 0)
    if (next !== undefined) shortest = Math.min(shortest, next - at)
    at = next
  }
  if (splay.toMs >= shortest)
    throw wrong(`a splay of ${splay.toMs / 1000} s is as long as the interval (${shortest / 1000} s): make it shorter`)
}

/** What a time of a call must be: as Salt writes it. */
export const readTime = (text: string, format: string | undefined, zone: string): number =>
  format === undefined || format === TIME_FORMAT ? dateOf('time', text, zone) : parseTime(text, format, zone)
