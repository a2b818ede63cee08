// The leader of the master's schedule: takes up what is kept, runs the scheduler, hands over what is due and keeps how far it
// is; until it stops, its lease is lost, or another has written what it kept.
//
// A slot is run once, and neither the lease nor the bucket is what makes it so. A slot has a name that follows from its entry
// and its time, and from nothing that a process remembers. Under this name it is handed over: the stream of reactions refuses it
// a second time within its window, and the ledger for good; its job has a jid that is derived from the name as well. So a leader
// that was paused and wakes up after its lease hands over only what the one after it hands over too, or what was due before.
// That it agrees with that one on the times: an interval counts from `since`, which is kept before the first slot that it gives.
// None is lost either: how far an entry is (`last`) is kept after the hand-over, so that whoever comes next hands a slot over
// again rather than not. What the lease does is that one works and not all, and that what they decide by themselves, a skip for
// maxrunning or a change that somebody asked for, is decided by one: who has lost it writes no more, and what is in flight then
// is refused, because each write expects the one before it.
// What a crash between a hand-over and its keeping can leave is a record too many: where nothing ran for a while afterwards, a
// slot that did run is told as missed.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { Lease } from '../bus/lease.ts'
import { isOvertaken } from '../bus/pub-ack.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { slotId } from '../protocol/schedule.ts'
import type { Book } from './book.ts'
import { callOf } from './calls.ts'
import type { FollowEnds } from './ends.ts'
import type { Entry } from './entry.ts'
import { type HandOver, tellSkip } from './hand-over.ts'
import type { Handled } from './handled.ts'
import { createKeeping } from './keeping.ts'
import { type Scheduler, startScheduler } from './scheduler.ts'
import type { ScheduleStats } from './stats.ts'
import type { Loaded, ScheduleStore, State } from './store.ts'
import { GRACE_MS, type Kept, type Run } from './timetable.ts'

export interface LeaderParts {
  lease: Pick<Lease, 'valid' | 'lost'>
  store: ScheduleStore
  /** It has what the config gives; what people made of entries comes from the store. */
  book: Book<ReactionAction>
  lookEveryMs: number
  /** Milliseconds for which the ledger knows of a slot. */
  keepMs: number
  handOver: HandOver
  followEnds: FollowEnds
  fire: Fire
  clock: Clock
  stats: ScheduleStats
  log: Log
}

export interface Leader {
  readonly book: Book<ReactionAction>
  readonly scheduler: Scheduler<ReactionAction>
  /** What people made of entries, as it is kept. */
  readonly changes: Loaded['changes']
  /** False: another leads, or will. */
  leads(): boolean
  /** Puts what the book has into force. */
  apply(): void
  /** Milliseconds since the epoch, by its clock. */
  now(): number
  keepChange: ScheduleStore['keepChange']
  /** Resolves when it does not lead any more. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const BEAT_MS = 5000
/** Longer than a leader takes from a hand-over to its keeping. */
const LOOK_BACK_MS = 60_000

/** Rejects where it cannot begin, or another has the lead already. */
export async function startLeader(parts: LeaderParts): Promise<Leader> {
  const { lease, store, clock, stats, log, book } = parts
  const over = new AbortController()
  const lose = (why: string) => {
    if (over.signal.aborted) return
    log.info({ why }, 'the schedule is not led from here any more')
    over.abort()
  }
  const leads = () => !over.signal.aborted && lease.valid()
  const requireLead = () => {
    if (!leads()) throw new ReactorError('unreachable', 'this schedule worker does not lead any more; ask again')
  }
  /** A write of the leader. */
  const write = async (work: () => Promise<void>) => {
    requireLead()
    try {
      await work()
    } catch (error) {
      if (isOvertaken(error)) lose('another has written what is kept')
      throw error
    }
  }

  const loaded = await store.load()
  const { isStart, ...state } = stateAt(clock.now(), loaded.state)
  await write(() => store.keepState(state))
  const endedBefore = new Set<string>()
  let scheduler: Scheduler<ReactionAction> | undefined
  const ends = await parts.followEnds(since(loaded), (name, slot) => {
    if (scheduler) scheduler.ended(name, slot)
    else endedBefore.add(slotId(name, slot))
  })

  const oldest = clock.now() - parts.keepMs
  const isRunning = (name: string) => (slot: number) => slot > oldest && !endedBefore.has(slotId(name, slot))
  const kept = new Map(
    [...loaded.kept].map(([name, one]): [string, Kept] => [
      name,
      { ...one, running: one.running.filter(isRunning(name)) },
    ]),
  )
  const keeping = createKeeping({
    stored: kept,
    keep: (name, one) => write(() => store.keep(name, one)),
    kept: name => scheduler?.kept(name),
    onError: error => log.debug({ error: errorMessage(error) }, 'that a run has ended could not be kept'),
  })

  const run = async (entry: Entry<ReactionAction>, { slot, due, instead }: Run) => {
    const id = slotId(entry.name, slot)
    const action = actionOf(entry, instead, log)
    if (entry.dryRun) log.info({ entry: entry.name, slot: id }, 'dry run: it would have run')
    else if (action) await parts.handOver(entry.name, slot, action)
    if (action) stats.ran(entry.name, clock.now() - due)
    // Handed over by another before: that it ended is not told again.
    if (entry.dryRun || !action || endedBefore.has(id)) scheduler?.ended(entry.name, slot)
  }
  const take = async (entry: Entry<ReactionAction>, { runs, skips, counts, kept: after }: Handled) => {
    requireLead()
    const { name } = entry
    if (runs.length > 0) await keeping.countsFrom(name, after)
    await Promise.all(runs.map(one => run(entry, one)))
    for (const skip of skips) await tellSkip(parts.fire, state.secret, name, skip)
    await keeping.keep(name, after, runs.length > 0 || skips.length > 0)
    for (const [reason, count] of counts) stats.skipped(name, reason, count)
  }

  book.changeAll(loaded.changes)
  const told = new Set<string>()
  scheduler = startScheduler({
    who: 'master',
    clock,
    kept,
    take,
    forget: name => keeping.forget(name),
    start: isStart || !state.begun ? state.start : false,
    lookEveryMs: parts.lookEveryMs,
    log,
  })
  const apply = async () => {
    const entries = new Map([...book.entries()].map(([name, { entry }]) => [name, entry]))
    const stored = scheduler!.use(entries, book.settings().enabled)
    for (const { name, source, problem } of book.refused()) {
      if (told.has(`${name}\n${problem}`)) continue
      told.add(`${name}\n${problem}`)
      log.error({ entry: name, source, problem }, 'a schedule entry is refused; the others go on')
    }
    return stored
  }

  const begin = async () => {
    const all = await apply()
    if (all && !state.begun) await beat({ begun: true })
    const known = new Set([...book.entries().keys(), ...book.refused().map(({ name }) => name)])
    for (const name of loaded.kept.keys()) if (!known.has(name)) await keeping.forget(name)
  }
  const beat = async (more: Partial<State> = {}) => {
    Object.assign(state, more, { at: clock.now() })
    await write(() => store.keepState({ ...state }))
  }
  const timer = setInterval(() => {
    beat().catch(error => log.debug({ error: errorMessage(error) }, 'the schedule cannot say that it is led'))
  }, BEAT_MS)

  const onLost = () => lose('the lease is lost')
  lease.lost.addEventListener('abort', onLost, { once: true })
  if (lease.lost.aborted) onLost()
  const stopped = new Promise<void>(resolve => over.signal.addEventListener('abort', () => resolve(), { once: true }))
  const ended = (over.signal.aborted ? Promise.resolve() : stopped).then(async () => {
    clearInterval(timer)
    lease.lost.removeEventListener('abort', onLost)
    keeping.stop()
    await scheduler.stop()
    await ends.stop()
  })
  begin().catch(error =>
    log.warn({ error: errorMessage(error) }, 'what is kept of the schedule could not be put in order'),
  )
  log.info({ entries: book.entries().size, refused: book.refused().length }, 'the schedule is led from here')

  return {
    book,
    scheduler,
    changes: loaded.changes,
    leads,
    apply: () => void apply(),
    now: clock.now,
    async keepChange(name, change) {
      await write(() => store.keepChange(name, change))
      if (change === undefined) loaded.changes.delete(name)
      else loaded.changes.set(name, change)
    },
    ended,
    async stop() {
      // What is in hand then is kept, too: it would be told as missed.
      await scheduler.stop()
      lose('it stops')
      await ended
    },
  }
}

/** `instead`: a function in place of the entry's own, which is read here alone. Undefined: it cannot be called so. */
function actionOf({ name, item, call }: Entry<ReactionAction>, instead: string | undefined, log: Log) {
  if (instead === undefined) return call
  try {
    return callOf({ ...item, function: instead })
  } catch (error) {
    log.error({ entry: name, function: instead, error: errorMessage(error) }, 'a skip_function cannot be run')
    return undefined
  }
}

/** Where nobody led for a while, the schedule starts; else it goes on. */
function stateAt(now: number, before: State | undefined): State & { isStart: boolean } {
  const isStart = before === undefined || now - before.at > GRACE_MS
  const secret = before?.secret ?? randomBytes(16).toString('hex')
  const { start, begun } = isStart ? { start: now, begun: false } : before
  return { at: now, start, begun, secret, isStart }
}

/** From when on the ledger has something new about what is kept. */
const since = ({ kept, state }: Loaded): number =>
  Math.min((state?.at ?? Date.now()) - LOOK_BACK_MS, ...[...kept.values()].flatMap(({ running }) => running))
