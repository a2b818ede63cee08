// The leader of one partition: takes up its checkpoint, reads all events from there on, folds them, stores what comes of it,
// and saves where it is. It leads until its lease is lost, another has saved, or there is nothing left to fold.
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Lease } from '../../bus/lease.ts'
import { deliveryFromStream } from '../../bus/raw.ts'
import type { CompiledBundle } from '../compiled-bundle.ts'
import type { Checkpoint, Snapshot } from './checkpoint.ts'
import type { Deliver } from './deliver.ts'
import type { Folds, SavedRule } from './folds.ts'
import { openReader, type Reader } from './reader.ts'
import { definitionOf } from './rule-fold.ts'
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
/** Wanted events after which it saves without waiting for its time. */
const SAVE_AFTER = 5000
/** What may wait to be stored before no more events are read. */
const MOST_PENDING = 5000
const FEW_PENDING = 500
const SAVED_WITHIN_MS = 3000

/** Rejects where it cannot begin. */
export async function startLeader(parts: LeaderParts, bundle: CompiledBundle): Promise<Leader> {
  const { nc, stream, lease, checkpoint, folds, deliver, minions, log } = parts
  let created = ''
  let position = 0
  /** The last that was read: its sequence is worked out where it is asked for. */
  let last: JsMsg | undefined
  let reader: Reader | undefined
  let paused = false
  let over = false
  let savedAt = Number.NEGATIVE_INFINITY
  let savedSeq = -1
  let savedFolded = 0
  let urgent = false
  let told = false
  let lag = 0
  let skew = 0
  let timer: NodeJS.Timeout | undefined
  let armedFor = Number.POSITIVE_INFINITY
  let work: Promise<void> = Promise.resolve()
  let end: () => void = () => undefined
  const ended = new Promise<void>(resolve => {
    end = resolve
  })

  const place = (): number => {
    if (last) position = Math.max(position, last.seq)
    return position
  }
  const moveTo = (seq: number) => {
    last = undefined
    position = seq
  }
  const lose = (why: string) => {
    if (over) return
    over = true
    log.info({ why }, 'stateful rules are not led from here any more')
    clearTimeout(timer)
    reader?.stop()
    deliver.giveUp()
    end()
  }

  const onMessage = (message: JsMsg) => {
    if (over) return
    last = message
    try {
      folds.handle(deliveryFromStream(message))
    } catch (error) {
      log.error({ seq: message.seq, error }, 'an event is passed over: folding it failed on a defect')
    }
    if (deliver.pending() > MOST_PENDING) {
      paused = true
      reader?.stop()
      reader = undefined
    }
    const next = folds.next()
    if ((next !== undefined && next < armedFor) || (!urgent && folds.folded() - savedFolded >= SAVE_AFTER)) {
      urgent ||= folds.folded() - savedFolded >= SAVE_AFTER
      arm()
    }
  }

  const open = async () => {
    const opened = await openReader(nc, stream, place(), onMessage)
    if (over) return opened.stop()
    reader = opened
    void opened.ended.then(reason => {
      if (reader !== opened || over) return
      reader = undefined
      log.warn(
        { reason: reason ? errorMessage(reason) : 'closed' },
        'reading for stateful rules ended; it begins again',
      )
      arm()
    })
  }
  const close = () => {
    reader?.stop()
    reader = undefined
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
      close()
      moveTo(known)
      folds.backTo(known)
    }
    created = seen.created
    // What there was has gone by its age.
    if (seen.messages === 0) moveTo(Math.max(place(), seen.lastSeq))
    lag = Math.max(0, seen.lastSeq - place())
  }

  const save = async () => {
    const seq = place()
    const rules = new Map<string, Snapshot>()
    const changed = [...folds.rules.values()].filter(folding => folding.changed)
    for (const [rule, { fold, definition, from, changed }] of folds.rules)
      rules.set(rule, { definition, seq: Math.max(from, seq), text: changed ? JSON.stringify(fold.save()) : undefined })
    for (const folding of changed) folding.changed = false
    const folded = folds.folded()
    try {
      await deliver.stored()
      if (over) return
      if (!(await checkpoint.save({ seq, created }, rules))) return lose('another leads')
      savedAt = performance.now()
      savedSeq = seq
      savedFolded = folded
      urgent = false
    } catch (error) {
      for (const folding of changed) folding.changed = true
      throw error
    }
  }
  const isChanged = () => savedSeq !== place() || [...folds.rules.values()].some(({ changed }) => changed)

  const beat = async () => {
    if (!lease.valid()) return lose('the lease is lost')
    if (paused && deliver.pending() <= FEW_PENDING) paused = false
    const asked = place()
    const seen = await stream.state()
    if (over) return
    compare(seen, asked)
    if (!reader && !paused) await open()
    // Before it may run out: whoever comes next must know since when it is expected.
    if (folds.expect(minions, lag === 0 ? seen.settled : folds.now())) await save()
    if (over) return
    if (lag === 0 && place() >= seen.lastSeq) folds.advance(seen.settled)
    else if (last) folds.advance(last.info.timestampNanos / 1e6)
    if (isChanged() && (urgent || performance.now() - savedAt >= BEAT_MS)) await save()
  }

  const arm = () => {
    if (over) return
    const next = folds.next()
    const untilDue = next === undefined ? BEAT_MS : next + stream.graceMs - (Date.now() + skew)
    const wait = urgent ? 0 : Math.min(BEAT_MS, Math.max(SOONEST_MS, Math.ceil(untilDue)))
    armedFor = next ?? Number.POSITIVE_INFINITY
    clearTimeout(timer)
    timer = setTimeout(() => inTurn(beat), wait)
  }
  /** One after the other. */
  const inTurn = (one: () => Promise<void>): Promise<void> => {
    work = work
      .then(async () => {
        if (over) return
        await one()
        told = false
      })
      .catch(error => {
        if (!over && !told) log.warn({ error: errorMessage(error) }, 'stateful rules wait for the store')
        told = true
        return delay(AGAIN_AFTER_MS)
      })
      .finally(arm)
    return work
  }

  const begin = async () => {
    const loaded = await checkpoint.load()
    const seen = await stream.state()
    const saved = new Map<string, SavedRule>()
    if (loaded) {
      created = loaded.head.created
      moveTo(loaded.head.seq)
      for (const [rule, { definition, seq }] of Object.entries(loaded.head.rules))
        saved.set(rule, { definition, seq, state: JSON.parse(loaded.states.get(rule)!) })
    }
    const known = (rule: string, definition: string) => saved.get(rule)?.definition === definition
    const before = place()
    const isNew = folds.unknown(bundle).filter(({ rule }) => !known(rule.rule, definitionOf(rule.document)))
    const floor = isNew.length > 0 || !loaded ? await stream.decidedUpTo() : before
    const from = loaded && seen.created === created ? Math.min(before, floor) : floor
    folds.use(bundle, from, saved)
    if (!loaded) created = seen.created
    compare(seen, place())
    if (!loaded || from < place()) moveTo(from)
    await open()
    log.info({ rules: folds.rules.size, seq: place() }, 'stateful rules are led from here')
  }

  const change = async (next: CompiledBundle, at: number) => {
    if (folds.unknown(next).length > 0) {
      const floor = await stream.decidedUpTo()
      if (over) return
      const from = Math.min(at, floor, place())
      folds.reached(place())
      folds.use(next, from)
      // The others have had what is read again for the new ones.
      close()
      moveTo(from)
      if (!paused) await open()
    } else folds.use(next, place())
    if (folds.rules.size === 0) {
      await deliver.stored()
      if (await checkpoint.clear()) log.info('no stateful rules are left')
      return lose('there is nothing to fold')
    }
    await save()
  }

  lease.lost.addEventListener('abort', () => lose('the lease is lost'), { once: true })
  await begin()
  arm()

  return {
    use(next) {
      const at = place()
      void inTurn(() => change(next, at))
    },
    ended,
    lag: () => lag,
    async stop() {
      if (over) return
      close()
      paused = true
      const saved = inTurn(async () => {
        if (isChanged()) await save()
        lose('it is stopped')
      })
      await Promise.race([saved, delay(SAVED_WITHIN_MS, undefined, { ref: false })])
      lose('it is stopped')
    },
  }
}
