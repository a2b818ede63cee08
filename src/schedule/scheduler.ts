// Runs the entries of a schedule at their times: on the master in the worker that leads, on a minion in its process. What a run
// is, and where what is kept lies, they say; each slot is handed to them once, or again where they could not take it.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Entry } from './entry.ts'
import { type Handled, handledOf } from './handled.ts'
import { advance, type Kept, keptAnew, nextDue } from './timetable.ts'

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
  log: Log
}

export interface Scheduler<Call> extends Running {
  /** These and no others, from now on. `enabled`: false holds all of them back. */
  use(entries: ReadonlyMap<string, Entry<Call>>, enabled: boolean): void
  /** A run has ended, or is known to have. */
  ended(name: string, slot: number): void
  /** Now, whatever its times are. False: there is no such entry. */
  run(name: string): Promise<boolean>
  /** Changes what is kept of an entry; it is stored when this resolves. False: there is no such entry. */
  change(name: string, change: (kept: Kept) => Kept): Promise<boolean>
  /** When it runs next, milliseconds; `undefined`: not any more. */
  next(name: string): number | undefined
  kept(name: string): Kept | undefined
}

/** A timer does not hear of a clock that is set, or of a machine that slept. */
const LOOK_EVERY_MS = 30_000
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
  log,
}: SchedulerParts<Call>): Scheduler<Call> {
  const all = new Map<string, Held<Call>>()
  const before = new Map(given)
  const stopping = new AbortController()
  let enabled = true
  let wake = new AbortController()
  let isFirst = true

  const dueAt = ({ entry, kept }: Pick<Held<Call>, 'entry' | 'kept'>) =>
    nextDue(entry, kept, who)?.due ?? Number.POSITIVE_INFINITY

  /** Hands on what comes of what is kept, one at a time for each entry; undefined: nothing has changed. */
  const inTurn = (held: Held<Call>, work: (kept: Kept) => Handled | undefined): Promise<void> => {
    const done = held.turn.then(async () => {
      const { entry } = held
      const handled = work(held.kept)
      if (handled) {
        // It may end before it is known that it was taken.
        for (const { slot } of handled.runs) held.running.add(slot)
        await take(entry, handled).catch(error => {
          for (const { slot } of handled.runs) held.running.delete(slot)
          throw error
        })
        // Meanwhile it may have been given other times.
        if (held.entry.timesKey === entry.timesKey) held.kept = handled.kept
      }
      held.failures = 0
      held.at = dueAt(held)
      wake.abort()
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
      if (handled.length === 0 && after.since === kept.since) return undefined
      return handledOf(held.entry, after, handled, held.running, now)
    }).catch(error => {
      if (held.failures === 0)
        log.warn(
          { entry: held.entry.name, error: errorMessage(error) },
          'a due entry cannot be run yet; it is tried again',
        )
      held.at = clock.now() + Math.min(AGAIN_MS * 2 ** Math.min(held.failures, 10), AGAIN_AT_MOST_MS)
      held.failures += 1
      wake.abort()
    })
  }

  const runNow = (held: Held<Call>): Promise<void> =>
    inTurn(held, kept => {
      const now = clock.now()
      return handledOf(held.entry, kept, [{ kind: 'run', slot: now, due: now }], held.running, now)
    })

  const loop = async () => {
    while (!stopping.signal.aborted) {
      const now = clock.now()
      let next = now + LOOK_EVERY_MS
      for (const held of all.values()) {
        if (held.at <= now || wasSetBack(held, now)) look(held)
        else if (held.at < next) next = held.at
      }
      wake = new AbortController()
      const signal = AbortSignal.any([stopping.signal, wake.signal])
      await clock.sleep(Math.max(0, next - clock.now()), signal).catch(() => undefined)
    }
  }
  const wasSetBack = ({ entry, at }: Held<Call>, now: number) =>
    entry.times.interval !== undefined && at !== Number.POSITIVE_INFINITY && at - now > 2 * entry.times.interval
  const running = loop()

  return {
    use(entries, on) {
      enabled = on
      for (const name of all.keys()) {
        if (entries.has(name)) continue
        all.delete(name)
        // Another one of this name begins anew.
        before.delete(name)
        forget(name).catch(error =>
          log.warn({ entry: name, error: errorMessage(error) }, 'what was kept of an entry that is gone stays'),
        )
      }
      const now = clock.now()
      for (const [name, entry] of entries) {
        const known = all.get(name)
        const old = known?.kept ?? before.get(name)
        const kept = old?.timesKey === entry.timesKey ? old : keptAnew(entry, now, old)
        const held = known ?? {
          entry,
          kept,
          running: new Set(kept.running),
          at: 0,
          failures: 0,
          turn: Promise.resolve(),
        }
        Object.assign(held, { entry, kept, at: dueAt({ entry, kept }) })
        all.set(name, held)
        // From when an interval counts is to survive a restart that comes before its first slot.
        if (kept !== old) inTurn(held, now => ({ runs: [], skips: [], kept: now })).catch(() => undefined)
        if (entry.runOnStart && (isFirst || !known)) runNow(held).catch(() => undefined)
      }
      isFirst = false
      wake.abort()
    },
    ended(name, slot) {
      all.get(name)?.running.delete(slot)
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
      await inTurn(held, kept => ({ runs: [], skips: [], kept: change(kept) }))
      return true
    },
    next: name => {
      const held = all.get(name)
      const at = held ? dueAt(held) : Number.POSITIVE_INFINITY
      return at === Number.POSITIVE_INFINITY ? undefined : at
    },
    kept: name => all.get(name)?.kept,
    async stop() {
      stopping.abort()
      await running
      await Promise.all([...all.values()].map(held => held.turn))
    },
  }
}
