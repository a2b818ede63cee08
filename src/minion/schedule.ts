// The minion's own schedule: entries of its config, of the pillar and of calls, each run a job of the engine. Link or no link:
// returns and what was skipped wait on disk as those of other jobs do.
import type { Clock } from '../base/clock.ts'
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { ScheduleOperations } from '../functions/schedule-operations.ts'
import { minionScheduleSkip } from '../protocol/catalogue/minion.ts'
import { formatStamp } from '../protocol/event.ts'
import type { JobAnswer, JobMessage, ScheduledRun } from '../protocol/job.ts'
import { createBook } from '../schedule/book.ts'
import type { Entry } from '../schedule/entry.ts'
import type { Handled } from '../schedule/handled.ts'
import { createOperations } from '../schedule/operate.ts'
import { startScheduler } from '../schedule/scheduler.ts'
import type { Kept, Skip } from '../schedule/timetable.ts'
import type { Held } from './held.ts'
import type { ScheduleFile } from './schedule-file.ts'
import { createCallOf, createScheduledJobs, type ScheduledCall } from './schedule-job.ts'

export interface MinionScheduleParts {
  id: string
  file: ScheduleFile
  /** The jobs in hand: runs that have not ended. */
  held: Pick<DurableMap<Held>, 'values'>
  /** Entries by name. */
  config: Readonly<Record<string, unknown>>
  /** Returners of entries that name none. */
  returners: readonly string[]
  /** What runs for longer is over time. */
  runMs: number
  grains(): Readonly<Record<string, unknown>>
  /** As the engine takes jobs. */
  take(job: JobMessage): Promise<JobAnswer>
  /** Fires an event that must arrive. */
  say(tag: string, data: Record<string, unknown>): Promise<void>
  clock: Clock
  log: Log
}

export interface MinionSchedule extends Running {
  readonly operations: ScheduleOperations
  /** Puts it into force, once the engine is there. */
  start(): void
  /** Of any job: it has ended. */
  ended(job: JobMessage): void
  /** All that the pillar says, in place of what it said before: its `schedule` and its `whens`. */
  setPillar(pillar: Readonly<Record<string, unknown>>): void
  /** The grains have changed. */
  refresh(): void
}

export function createMinionSchedule(parts: MinionScheduleParts): MinionSchedule {
  const { id, file, clock, log } = parts
  const jobOf = createScheduledJobs(id, parts.held, { now: clock.now, runMs: parts.runMs })
  const book = createBook(createCallOf(parts.returners), new Map(file.changes))
  book.give('config', parts.config)
  let pillar: Readonly<Record<string, unknown>> = {}
  let started = false

  const take = async (entry: Entry<ScheduledCall>, { runs, skips, kept }: Handled) => {
    const { name } = entry
    const jobs = entry.dryRun ? [] : runs.map(run => jobOf(entry, run))
    if (entry.dryRun) for (const { slot } of runs) dryRun(name, slot)
    // On disk in the engine's hands first: what crashes in between is given to it again, under the same jids.
    for (const { accepted, reason } of await Promise.all(jobs.map(parts.take)))
      if (!accepted) throw new ReactorError('stopped', `a run of '${name}' is not taken: ${reason}`)
    // One that was given again may have ended before.
    for (const { jid, scheduled } of jobs)
      if (scheduled && !runOf(parts.held.values.get(jid))) scheduler.ended(name, scheduled.slot)
    await file.keep(name, kept)
    for (const skip of skips) tell(name, skip)
  }
  const dryRun = (name: string, slot: number) => {
    log.info({ entry: name, slot: formatStamp(slot) }, 'an entry of the schedule would run (dry_run)')
    scheduler.ended(name, slot)
  }
  const tell = (name: string, { reason, from, to, count }: Skip) => {
    const data = { id, name, reason, from: formatStamp(from), to: formatStamp(to), count }
    parts
      .say(...minionScheduleSkip.of({ id, name }, data))
      .catch(error => log.warn({ ...data, error: errorMessage(error) }, 'what a schedule skipped could not be said'))
  }

  const scheduler = startScheduler<ScheduledCall>({
    who: id,
    clock,
    kept: withRunning(file.kept, parts.held.values),
    take,
    forget: name => file.keep(name, undefined),
    log,
  })

  /** By name, so that each is said once. */
  let refused = new Map<string, string>()
  const sayRefused = () => {
    const now = new Map(book.refused().map(({ name, problem }) => [name, problem]))
    for (const { name, source, problem } of book.refused())
      if (refused.get(name) !== problem)
        log.error({ entry: name, source, problem }, 'an entry of the schedule is not in force; the others are')
    refused = now
  }
  const apply = () => {
    sayRefused()
    if (!started) return
    const entries = [...book.entries()].map(([name, { entry }]) => [name, entry] as const)
    void scheduler.use(new Map(entries), book.settings().enabled)
  }

  let whens = ''
  const readWhens = () => {
    // What the pillar says goes before what the grains say.
    const now = { ...whensIn(parts.grains()), ...whensIn(pillar) }
    const text = JSON.stringify(now)
    if (text === whens) return
    whens = text
    book.setWhens(now)
  }

  return {
    operations: createOperations({
      book,
      scheduler,
      keep: file.keepChange,
      saved: () => file.changes,
      apply,
      now: clock.now,
      who: id,
      place: 'minion',
    }),
    start() {
      started = true
      readWhens()
      apply()
    },
    ended({ scheduled }) {
      if (scheduled) scheduler.ended(scheduled.name, scheduled.slot)
    },
    setPillar(given) {
      pillar = given
      const { schedule = {} } = given
      if (!isObject(schedule))
        log.error({ schedule }, "'schedule' of the pillar must be a map of entries; there are none of it now")
      book.give('pillar', isObject(schedule) ? schedule : {})
      readWhens()
      apply()
    },
    refresh() {
      readWhens()
      apply()
    },
    stop: scheduler.stop,
  }
}

/** Runs that have not ended are those that the engine has in hand: it is the one to know. */
function withRunning(kept: ReadonlyMap<string, Kept>, held: ReadonlyMap<string, Held>): ReadonlyMap<string, Kept> {
  const running = new Map<string, number[]>()
  for (const one of held.values()) {
    const run = runOf(one)
    if (run) running.set(run.name, [...(running.get(run.name) ?? []), run.slot])
  }
  return new Map([...kept].map(([name, one]) => [name, { ...one, running: running.get(name) ?? [] }]))
}

/** The run of a schedule that a job in hand is; undefined where it has ended. */
const runOf = (held: Held | undefined): ScheduledRun | undefined =>
  held === undefined || typeof held === 'number' || held.state === 'returned' ? undefined : held.job.scheduled

const whensIn = ({ whens }: Readonly<Record<string, unknown>>): Record<string, string> =>
  isObject(whens)
    ? Object.fromEntries(Object.entries(whens).filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
    : {}
