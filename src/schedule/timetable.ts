// Which slots of an entry are to be run, and which are skipped and why. Pure: it follows from the entry, from what is kept of
// it, and from the time. A slot is handled once: `last` moves over it, whatever becomes of it.
import type { Entry } from './entry.ts'
import { splayOf } from './splay.ts'

/** What is kept of an entry over restarts; times are milliseconds since the epoch. */
export interface Kept {
  /** The entry's times for which the rest counts. */
  timesKey: string
  /** Intervals count from it. */
  since: number
  /** The last slot that was run or skipped. */
  last: number
  /** The latest slot that was run. */
  ranTo?: number
  /** Runs out of turn: postponed ones, and those after a range. In order. */
  extra: number[]
  /** Slots that are not to be run, because somebody said so. */
  skip: number[]
  /** Slots whose runs have begun and are not known to have ended. */
  running: number[]
  /** The last run: its slot, and when it began. */
  ran?: { slot: number; at: number }
  /** The last slots that were skipped one after another for one reason. */
  skipped?: Skipped
}

/** Salt's words, and two more: nothing ran at its time; there were too many to catch up with. */
export type SkipReason =
  | 'disabled'
  | 'maxrunning'
  | 'in_skip_range'
  | 'not_in_range'
  | 'skip_explicit'
  | 'missed'
  | 'too_many'

export interface Run {
  kind: 'run'
  slot: number
  /** When it was to run: the slot and its splay. */
  due: number
  /** It was missed, and is caught up with: `maxrunning` does not hold it back. */
  late?: true
  /** This function, with the arguments of the entry, in place of the entry's own. */
  instead?: string
}

export interface Skip {
  kind: 'skip'
  reason: SkipReason
  /** First and last slot, and how many they are: at least so many, where they are thousands. */
  from: number
  to: number
  count: number
  /** No more of them follow: it tells of all since the first. */
  over?: boolean
}

export interface Skipped extends Skip {
  /** How many of them have been told. */
  told: number
}

export interface Due {
  slot: number
  due: number
  extra: boolean
}

/** A slot that is later than this was missed: within it another takes over from who was to run it. */
export const GRACE_MS = 15_000
const DAY_MS = 86_400_000
/** What is caught up with at once, of one entry. */
export const MOST_CAUGHT_UP = 1000

/** Of an entry that is new, or due at other times than before. */
export const keptAnew = (entry: Pick<Entry, 'timesKey'>, now: number, before?: Kept): Kept => ({
  extra: [],
  skip: [],
  running: [],
  ...before,
  timesKey: entry.timesKey,
  since: now,
  last: now,
})

/** What counts of what was kept: where its times have changed, they begin at `now`. */
export const keptFor = (entry: Pick<Entry, 'timesKey'>, now: number, before: Kept | undefined): Kept =>
  before?.timesKey === entry.timesKey ? before : keptAnew(entry, now, before)

/** No time of it comes any more, and it runs on no start. */
export const isOver = (entry: Entry, kept: Kept): boolean => !entry.runOnStart && nextDue(entry, kept, '') === undefined

/** A list of times with one more. */
export const withTime = (times: readonly number[], one: number): number[] =>
  [...new Set([...times, one])].sort((a, b) => a - b)

/** The next slot to handle; `who` decides over the splay. */
export function nextDue(entry: Entry, kept: Kept, who: string): Due | undefined {
  const slot = entry.times.next(kept.last, kept.since)
  const [extra] = kept.extra
  const regular = slot === undefined ? undefined : { slot, due: slot + splayed(entry, slot, who), extra: false }
  if (extra !== undefined && (regular === undefined || extra <= regular.due))
    return { slot: extra, due: extra, extra: true }
  return regular
}

const splayed = ({ name, splay }: Entry, slot: number, who: string): number =>
  splay ? splayOf(splay, who, name, slot) : 0

/** The slot that is due in the second that begins then, where its splay has put it. */
export function slotDueIn(entry: Entry, second: number, since: number, who: string): number | undefined {
  const { times, splay } = entry
  let slot = times.next(second - (splay?.toMs ?? 0) - 1, since)
  for (; slot !== undefined && slot < second + 1000; slot = times.next(slot, since)) {
    const due = slot + splayed(entry, slot, who)
    if (due >= second && due < second + 1000) return slot
  }
  return undefined
}

/** Handles all that is due at `now`: in order, and what is kept afterwards. */
export function advance(
  entry: Entry,
  before: Kept,
  now: number,
  { who, enabled }: { who: string; enabled: boolean },
): { handled: (Run | Skip)[]; kept: Kept } {
  const kept = setBack(entry, before, now)
  const handled: (Run | Skip)[] = []
  const put = (one: Run | Skip) => {
    const last = handled.at(-1)
    if (one.kind === 'run') kept.ranTo = Math.max(kept.ranTo ?? one.slot, one.slot)
    if (one.kind === 'skip' && last?.kind === 'skip' && last.reason === one.reason) {
      // Those out of turn come after the others, whenever they were due.
      last.from = Math.min(last.from, one.from)
      last.to = Math.max(last.to, one.to)
      last.count += one.count
    } else handled.push(one)
  }
  const skip = (reason: SkipReason, slot: number, count = 1, to = slot) =>
    put({ kind: 'skip', reason, from: slot, to, count })
  const hasRun = (slot: number) =>
    kept.ran?.slot === slot || handled.some(one => one.kind === 'run' && one.slot === slot)
  const judge = ({ slot, due, extra }: Due, isLate: boolean, isCaughtUp: boolean) => {
    // Somebody moved a run to a time that is one of its own.
    if ((extra || kept.ran?.slot === slot) && hasRun(slot)) return
    const reason = reasonToSkip(entry, kept, slot, extra, enabled) ?? (isLate && !isCaughtUp ? 'missed' : undefined)
    const run: Run = { kind: 'run', slot, due, ...(isLate ? { late: true } : {}) }
    if (reason === undefined) return put(run)
    if (reason === 'in_skip_range' && entry.skipFunction && (isCaughtUp || !isLate))
      put({ ...run, instead: entry.skipFunction })
    else skip(reason, slot)
    if (reason === 'skip_explicit') kept.skip = kept.skip.filter(at => at !== slot)
    if (reason === 'in_skip_range' && entry.runAfterSkipRange) runAfterRange(entry, kept, slot)
  }

  const { older, first, slots } = overdue(entry, kept, now, who)
  const isMissed = first !== undefined && first.due < now - GRACE_MS
  if (older > 0) skip(entry.catchUp === 'all' ? 'too_many' : 'missed', first!.slot, older, slots[0]!.slot - 1)
  for (const [n, due] of slots.entries()) {
    judge(due, isMissed, entry.catchUp === 'all' || (entry.catchUp === 'last' && n === slots.length - 1))
  }
  kept.last = slots.at(-1)?.slot ?? kept.last
  // Of a time that was none of its slots nothing else would take it away.
  if (slots.length > 0) kept.skip = kept.skip.filter(at => at > kept.last)
  while (kept.extra.length > 0 && kept.extra[0]! <= now) {
    const [at = 0, ...rest] = kept.extra
    kept.extra = rest
    judge({ slot: at, due: at, extra: true }, at < now - GRACE_MS, entry.catchUp !== 'none')
  }
  return { handled, kept }
}

/** Regular slots that are due: how many, the first, and the newest of them. */
function overdue(entry: Entry, { last, since }: Kept, now: number, who: string) {
  const dueOf = (slot: number): Due => ({ slot, due: slot + splayed(entry, slot, who), extra: false })
  const next = entry.times.next(last, since)
  const first = next === undefined ? undefined : dueOf(next)
  if (first === undefined || first.due > now) return { older: 0, first: undefined, slots: [] }
  // Surely due, counted at once: they may be thousands. Of the others it hangs on their splay.
  const { count, newest } = entry.times.between(last, now - (entry.splay?.toMs ?? 0), since, MOST_CAUGHT_UP)
  const slots = newest.map(dueOf)
  for (let at = newest.at(-1) ?? last; ; ) {
    const slot = entry.times.next(at, since)
    if (slot === undefined || dueOf(slot).due > now) break
    slots.push(dueOf(slot))
    at = slot
  }
  return { older: count - newest.length, first, slots }
}

/** Undefined: it runs. `extra`: out of turn. */
export function reasonToSkip(
  entry: Entry,
  kept: Pick<Kept, 'skip'>,
  slot: number,
  extra: boolean,
  enabled: boolean,
): SkipReason | undefined {
  if (!enabled || !entry.enabled) return 'disabled'
  if (kept.skip.includes(slot)) return 'skip_explicit'
  // Somebody named this very time.
  if (extra) return undefined
  if (entry.skipDuringRange?.contains(slot)) return 'in_skip_range'
  if (entry.range && entry.range.contains(slot) === entry.range.invert) return 'not_in_range'
  return undefined
}

/** Once after the range, however many slots lay in it. */
function runAfterRange(entry: Entry, kept: Kept, slot: number): void {
  const end = entry.skipDuringRange?.endsAt(slot)
  if (end === undefined) return
  kept.extra = withTime(kept.extra, end + 1000)
}

/** A clock that was set back so far that slots would stay out: up to `last` none comes. */
export const isSetBack = ({ times }: Entry, { last }: Kept, now: number): boolean =>
  last - now > (times.interval ?? GRACE_MS)

/**
 * An interval counts anew from now, under times that no run had before. On the wall clock the times come that were passed over
 * while the clock was ahead; what ran within the day to come does not run again, and what ran later than that ran at no time.
 */
function setBack(entry: Entry, before: Kept, now: number): Kept {
  if (!isSetBack(entry, before, now)) return { ...before }
  if (entry.times.interval !== undefined) return { ...before, since: now, last: now }
  const { ranTo = now } = before
  if (ranTo - now > DAY_MS) return { ...before, last: now, ranTo: now }
  return { ...before, last: Math.max(now, Math.min(before.last, ranTo)) }
}
