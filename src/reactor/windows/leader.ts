// The leader of one partition: takes up its checkpoint, reads all events from there on, folds them, stores what comes of it,
// and saves where it is. It leads until its lease is lost, another has saved, or there is nothing left to fold.
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Lease } from '../../bus/lease.ts'
import type { RawEvent } from '../../protocol/event.ts'
import type { CompiledBundle } from '../compiled-bundle.ts'
import { createBell } from './bell.ts'
import { type Checkpoint, readStates } from './checkpoint.ts'
import type { Deliver } from './deliver.ts'
import type { Folds } from './folds.ts'
import { createReader } from './reader.ts'
import { definitionOf } from './rule-fold.ts'
import { createSaving } from './saving.ts'
import type { EventStream, StreamState } from './stream-state.ts'

export interface LeaderParts {
  nc: NatsConnection
  stream: EventStream
  lease: Lease
  checkpoint: Checkpoint
  folds: Folds
  deliver: Deliver
  /** Ids of the minions that are known. */
  minions(): ReadonlySet<string>
  log: Log
}

export interface Leader {
  use(bundle: CompiledBundle): void
  /** Resolves when it does not lead any more. */
  readonly ended: Promise<void>
  /** Saves, and leads no more. */
  stop(): Promise<void>
  /** Events that it has still to read. */
  lag(): number
}

const BEAT_MS = 1000
const SOONEST_MS = 10
const AGAIN_AFTER_MS = 200
/** What may wait to be stored before no more events are read. */
const MOST_PENDING = 5000
const FEW_PENDING = 500
const SAVED_WITHIN_MS = 3000

/** Rejects where it cannot begin. */
export async function startLeader(parts: LeaderParts, bundle: CompiledBundle): Promise<Leader> {
  const { nc, stream, lease, checkpoint, folds, deliver, minions, log } = parts
  /** When the stream was made whose sequences these are. */
  let created = ''
  /** Not in force here yet; events behind `at` are for it. */
  let wanted: { bundle: CompiledBundle; at: number } | undefined
  let paused = false
  let stopping = false
  let over = false
  let lag = 0
  /** What the server's clock is ahead of this one. */
  let skew = 0
  const bell = createBell()
  const ended = new AbortController()

  const onEvent = (event: RawEvent) => {
    try {
      folds.handle(event)
    } catch (error) {
      log.error({ seq: event.seq, error }, 'an event is passed over: folding it failed on a defect')
    }
    if (deliver.pending() > MOST_PENDING) {
      paused = true
      reader.close()
    }
    const next = folds.next()
    if ((next !== undefined && next < bell.setFor.due) || saving.isFull() !== bell.setFor.full) bell.ring()
  }
  const reader = createReader({ nc, stream, onEvent, onEnd: () => bell.ring(), log })
  const saving = createSaving({ checkpoint, folds, deliver, position: reader.position })

  const lose = (why: string) => {
    if (over) return
    over = true
    log.info({ why }, 'stateful rules are not led from here any more')
    reader.close()
    deliver.giveUp()
    bell.ring()
    ended.abort()
  }
  const save = async () => {
    if (!(await saving.save(created))) lose('another leads')
  }

  /**
   * Where the stream is another, or has lost its end, sequences of before are given to other events. `asked`: what had been
   * read when it was asked; more may have come before its answer.
   */
  const compare = (seen: StreamState, asked: number) => {
    skew = seen.at - Date.now()
    const known = seen.created === created ? Math.min(asked, seen.lastSeq) : 0
    if (known < asked) {
      log.warn({ seq: asked, last: seen.lastSeq }, 'the stream of events was made anew, or lost its end')
      reader.moveTo(known)
      folds.backTo(known)
    }
    created = seen.created
    // What there was has gone by its age.
    if (seen.messages === 0 && reader.position() < seen.lastSeq) reader.moveTo(seen.lastSeq)
    lag = Math.max(0, seen.lastSeq - reader.position())
  }

  const change = async (next: CompiledBundle, at: number) => {
    if (folds.unknown(next).length > 0) {
      const floor = await stream.decidedUpTo()
      if (over) return
      const from = Math.min(at, floor, reader.position())
      folds.reached(reader.position())
      folds.use(next, from)
      // The others have had what is read again for the new ones.
      reader.moveTo(from)
    } else folds.use(next, reader.position())
    if (folds.rules.size > 0) return save()
    await deliver.stored()
    if (await checkpoint.clear()) log.info('no stateful rules are left')
    lose('there is nothing to fold')
  }

  const beat = async () => {
    if (!lease.valid()) return lose('the lease is lost')
    const changing = wanted
    if (changing) {
      await change(changing.bundle, changing.at)
      if (wanted === changing) wanted = undefined
      if (over) return
    }
    if (paused && deliver.pending() <= FEW_PENDING) paused = false
    const asked = reader.position()
    const seen = await stream.state()
    if (over) return
    compare(seen, asked)
    if (!paused) await reader.open(seen.lastSeq)
    // Before it may run out: whoever comes next must know since when it is expected.
    if (folds.expect(minions, lag === 0 ? seen.settled : folds.now())) await save()
    if (over) return
    const read = reader.storedMs() ?? 0
    folds.advance(lag === 0 && reader.position() >= seen.lastSeq ? Math.max(seen.settled, read) : read)
    if (saving.wait() === 0) await save()
  }

  /** One beat after the other, each when something is due, is to be saved, or a second after the last. */
  const run = async () => {
    let told = false
    let beaten = 0
    while (!over && !stopping) {
      const due = folds.next() ?? Number.POSITIVE_INFINITY
      const untilDue = due + stream.graceMs - (Date.now() + skew)
      const sinceBeat = performance.now() - beaten
      bell.setFor = { due, full: saving.isFull() }
      const soonest = Math.min(BEAT_MS - sinceBeat, untilDue, saving.wait(), wanted ? 0 : BEAT_MS)
      const rung = await bell.wait(Math.max(SOONEST_MS - sinceBeat, soonest))
      if (rung) continue
      beaten = performance.now()
      try {
        await beat()
        told = false
      } catch (error) {
        if (!over && !told) log.warn({ error: errorMessage(error) }, 'stateful rules wait for the store')
        told = true
        await delay(AGAIN_AFTER_MS)
      }
    }
  }

  const begin = async () => {
    const loaded = await checkpoint.load()
    const seen = await stream.state()
    const saved = loaded ? await readStates(loaded, log) : new Map()
    if (loaded) {
      created = loaded.head.created
      reader.moveTo(loaded.head.seq)
    }
    const known = (rule: string, definition: string) => saved.get(rule)?.definition === definition
    const before = reader.position()
    const isNew = folds.unknown(bundle).filter(({ rule }) => !known(rule.rule, definitionOf(rule.document)))
    const floor = isNew.length > 0 || !loaded ? await stream.decidedUpTo() : before
    const from = loaded && seen.created === created ? Math.min(before, floor) : floor
    folds.use(bundle, from, saved)
    if (!loaded) created = seen.created
    compare(seen, reader.position())
    if (!loaded || from < reader.position()) reader.moveTo(from)
    await reader.open(seen.lastSeq)
    log.info({ rules: folds.rules.size, seq: reader.position() }, 'stateful rules are led from here')
  }

  lease.lost.addEventListener('abort', () => lose('the lease is lost'), { once: true })
  try {
    await begin()
  } catch (error) {
    reader.close()
    throw error
  }
  const running = run()

  return {
    use(next) {
      wanted = { bundle: next, at: Math.min(wanted?.at ?? Number.POSITIVE_INFINITY, reader.position()) }
      bell.ring()
    },
    ended: new Promise(resolve => {
      if (over) resolve()
      else ended.signal.addEventListener('abort', () => resolve(), { once: true })
    }),
    lag: () => lag,
    async stop() {
      if (over) return
      stopping = true
      reader.close()
      bell.ring()
      const saved = running.then(async () => {
        if (!over && Number.isFinite(saving.wait())) await save()
      })
      await Promise.race([
        saved.catch(error => log.warn({ error: errorMessage(error) }, 'stateful rules could not be saved at the end')),
        delay(SAVED_WITHIN_MS, undefined, { ref: false }),
      ])
      lose('it is stopped')
    },
  }
}
