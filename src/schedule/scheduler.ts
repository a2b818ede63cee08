// Runs the entries of a schedule at their times: on the master in the worker that leads, on a minion in its process. What a run
// is, and where what is kept lies, they say; each slot is handed to them once, or again where they could not take it.
import { performance } from 'node:perf_hooks'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createDueQueue } from './due-queue.ts'
import type { Entry } from './entry.ts'
import { type Handled, handledOf, onlyKept } from './handled.ts'
import { advance, isSetBack, type Kept, keptFor, nextDue, withTime } from './timetable.ts'

export interface SchedulerParts<Call> {
  /** Decides over splays: the id of the minion, or one word for all workers of a master. */
  who: string
  clock: Clock
  /** By name, from before. */
  kept: ReadonlyMap<string, Kept>
  /**
   * Takes what became due of an entry, and what is kept of it from then on. Where it throws it is asked again, and may be given
   * runs that it had taken: they have the same slots.
   */
  take(entry: Entry<Call>, handled: Handled): Promise<void>
  /** An entry is gone. */
  forget(name: string): Promise<void>
  /**
   * When the schedule started: the slot of runs on start, milliseconds. False: it goes on where another process left it, and this
   * is no start. Default: now.
   */
  start?: number | false
  /** Milliseconds between looks at the clock, at most: no timer hears that it was set, or that the machine slept. */
  lookEveryMs?: number
  log: Log
}

export interface Scheduler<Call> extends Running {
  /**
   * These and no others, from now on. `enabled`: false holds all of them back. Resolves once what is kept of those that are new
   * is taken; false: some could not be, and are with what becomes due of them.
   */
  use(entries: ReadonlyMap<string, Entry<Call>>, enabled: boolean): Promise<boolean>
  /** A run has ended, or is known to have. */
  ended(name: string, slot: number): void
  /** Now, whatever its times are. False: there is no such entry. */
  run(name: string): Promise<boolean>
  /** Changes what is kept of an entry; it is stored when this resolves. False: there is no such entry. */
  change(name: string, change: (kept: Kept) => Kept): Promise<boolean>
  /** When it runs next, milliseconds; `undefined`: not any more. */
  next(name: string): number | undefined
  kept(name: string): Kept | undefined
  /** When the first of all is due; undefined: none is. */
  soonest(): number | undefined
}

const LOOK_EVERY_MS = 1000
/** Thousands of entries that are put in force let others have their turn after so much work. */
const BUSY_MS = 25
const AGAIN_MS = 500
const AGAIN_AT_MOST_MS = 15_000

interface Held<Call> {
  entry: Entry<Call>
  kept: Kept
  /** Slots of runs that have not ended. */
  running: Set<number>
  /** When it is looked at next. */
  at: number
  failures: number
  /** The last of its turns: one at a time. */
  turn: Promise<void>
}

export function startScheduler<Call>({
  who,
  clock,
  kept: given,
  take,
  forget,
  start,
  lookEveryMs = LOOK_EVERY_MS,
  log,
}: SchedulerParts<Call>): Scheduler<Call> {
  const all = new Map<string, Held<Call>>()
  const before = new Map(given)
  const due = createDueQueue<Held<Call>>(held => held.at)
  /** The last turns of entries that are gone: who has such a name next begins after them. */
  const leaving = new Map<string, Promise<void>>()
  let stopped = false
  let enabled = true
  let wake = new AbortController()
  let sleepsUntil = Number.NEGATIVE_INFINITY
  let isFirst = true

  const dueAt = ({ entry, kept }: Pick<Held<Call>, 'entry' | 'kept'>) =>
    nextDue(entry, kept, who)?.due ?? Number.POSITIVE_INFINITY
  const lookAt = (held: Held<Call>, at: number) => {
    held.at = at
    if (at === Number.POSITIVE_INFINITY) return
    due.add(held, at)
    if (at < sleepsUntil) wake.abort()
  }

  /** Hands on what comes of what is kept, one at a time for each entry; undefined: nothing has changed. */
  const inTurn = (held: Held<Call>, work: (kept: Kept) => Handled | undefined): Promise<void> => {
    const done = held.turn.then(async () => {
      const { entry } = held
      const handled = work(held.kept)
      if (handled) {
        // It may end before it is known that it was taken.
        if (Number.isFinite(entry.maxRunning)) for (const { slot } of handled.runs) held.running.add(slot)
        await take(entry, handled).catch(error => {
          for (const { slot } of handled.runs) held.running.delete(slot)
          throw error
        })
        // Meanwhile it may have been given other times.
        if (held.entry.timesKey === entry.timesKey) held.kept = handled.kept
      }
      held.failures = 0
      if (isHeld(held)) lookAt(held, dueAt(held))
    })
    held.turn = done.catch(() => undefined)
    return done
  }

  const look = (held: Held<Call>): void => {
    // Not again until its turn has come.
    held.at = Number.POSITIVE_INFINITY
    inTurn(held, kept => {
      const now = clock.now()
      const { handled, kept: after } = advance(held.entry, kept, now, { who, enabled })
      if (handled.length === 0 && after.since === kept.since && after.last === kept.last) return undefined
      return handledOf(held.entry, after, handled, held.running, now)
    }).catch(error => {
      if (held.failures === 0)
        log.warn(
          { entry: held.entry.name, error: errorMessage(error) },
          'a due entry cannot be run yet; it is tried again',
        )
      lookAt(held, clock.now() + Math.min(AGAIN_MS * 2 ** Math.min(held.failures, 10), AGAIN_AT_MOST_MS))
      held.failures += 1
    })
  }

  const runNow = (held: Held<Call>): Promise<void> =>
    inTurn(held, kept => {
      const now = clock.now()
      // Its slot names the run: another that began in this millisecond has that name.
      const slot = now === kept.last || now === kept.ran?.slot ? now + 1 : now
      return handledOf(held.entry, kept, [{ kind: 'run', slot, due: now }], held.running, now)
    })

  /** Keeps what is kept of an entry; false: not yet. */
  const store = (held: Held<Call>): Promise<boolean> =>
    inTurn(held, onlyKept).then(
      () => true,
      () => {
        lookAt(held, dueAt(held))
        return false
      },
    )

  /** The last one of `use` that is at it. */
  let using: Promise<unknown> = Promise.resolve()
  let usesInHand = 0
  /** What is kept of those that are new, on its way. */
  const putInForce = async (entries: ReadonlyMap<string, Entry<Call>>, on: boolean): Promise<Promise<boolean>[]> => {
    enabled = on
    const stored: Promise<boolean>[] = []
    let breathes = performance.now() + BUSY_MS
    for (const [name, held] of all) {
      if (entries.has(name)) continue
      all.delete(name)
      // Another one of this name begins anew.
      before.delete(name)
      const left = held.turn
        .then(() => forget(name))
        .catch(error =>
          log.warn({ entry: name, error: errorMessage(error) }, 'what was kept of an entry that is gone stays'),
        )
        .finally(() => leaving.get(name) === left && leaving.delete(name))
      leaving.set(name, left)
    }
    const now = clock.now()
    for (const [name, entry] of entries) {
      const known = all.get(name)
      if (known?.entry === entry) continue
      if (performance.now() > breathes) {
        await new Promise(resolve => setImmediate(resolve))
        if (stopped) break
        breathes = performance.now() + BUSY_MS
      }
      const old = known?.kept ?? before.get(name)
      let kept = keptFor(entry, now, old)
      const starts = isFirst ? start !== false || !old : !known
      if (entry.runOnStart && starts) kept = { ...kept, extra: withTime(kept.extra, isFirst && start ? start : now) }
      const held = known ?? {
        entry,
        kept,
        running: new Set(kept.running),
        at: Number.POSITIVE_INFINITY,
        failures: 0,
        turn: leaving.get(name) ?? Promise.resolve(),
      }
      Object.assign(held, { entry, kept })
      all.set(name, held)
      if (kept === old) lookAt(held, isSetBack(entry, kept, now) ? now : dueAt(held))
      // From when an interval counts is to survive a restart that comes before its first slot; so is a run on start.
      else stored.push(store(held))
    }
    isFirst = false
    usesInHand -= 1
    return stored
  }

  const loop = async () => {
    for (let seen = clock.now(); !stopped; ) {
      const now = clock.now()
      if (now < seen) for (const held of all.values()) if (isSetBack(held.entry, held.kept, now)) look(held)
      seen = now
      for (const held of due.take(now)) if (isHeld(held)) look(held)
      wake = new AbortController()
      sleepsUntil = Math.min(now + lookEveryMs, due.next())
      await clock.sleep(Math.max(0, sleepsUntil - clock.now()), wake.signal).catch(() => undefined)
      sleepsUntil = Number.NEGATIVE_INFINITY
    }
  }
  const isHeld = (held: Held<Call>) => all.get(held.entry.name) === held
  const running = loop()

  return {
    use(entries, on) {
      // One after the other: the last is what holds.
      const done = usesInHand++ === 0 ? putInForce(entries, on) : using.then(() => putInForce(entries, on))
      using = done
      return done.then(async stored => (await Promise.all(stored)).every(Boolean))
    },
    ended(name, slot) {
      const held = all.get(name)
      if (!held?.running.delete(slot)) return
      inTurn(held, kept => onlyKept({ ...kept, running: [...held.running] })).catch(() => undefined)
    },
    async run(name) {
      const held = all.get(name)
      if (!held) return false
      await runNow(held)
      return true
    },
    async change(name, change) {
      const held = all.get(name)
      if (!held) return false
      await inTurn(held, kept => onlyKept(change(kept)))
      return true
    },
    next: name => {
      const held = all.get(name)
      const at = held ? dueAt(held) : Number.POSITIVE_INFINITY
      return at === Number.POSITIVE_INFINITY ? undefined : at
    },
    kept: name => all.get(name)?.kept,
    soonest() {
      const at = due.next()
      return at === Number.POSITIVE_INFINITY ? undefined : at
    },
    async stop() {
      stopped = true
      wake.abort()
      await running
      await Promise.all([...[...all.values()].map(held => held.turn), ...leaving.values()])
    },
  }
}
