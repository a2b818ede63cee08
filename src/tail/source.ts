// Every stored event once and in order: history first, then live. Sequence numbers say what is a double and where a gap
// is, so that lost links, restarts of the server and floods all mend in the same way: by reading the gap from history.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { asReactorError, errorMessage, type ReactorError } from '../base/errors.ts'
import { isRepublished, rawFromLive } from '../bus/raw.ts'
import type { SeenEvent } from '../cache/history.ts'
import { type RawEvent, readEvent } from '../protocol/event.ts'
import { formatOrigin } from '../protocol/origin.ts'
import type { Subjects } from '../protocol/subject.ts'
import { askHistory, lastStored, type OnPage, readFromStart, readHistory } from './history.ts'
import { followLive } from './live.ts'

export interface SourceParts {
  nc: NatsConnection
  subjects: Subjects
  /** Milliseconds since the epoch from which on history is wanted. */
  since?: number | undefined
  /** Subject patterns below the origin that hold all that is wanted: for who may not follow everything. */
  narrow?: readonly string[] | undefined
  /** Whether to look at a live event at all, by its subject and where its tag begins. */
  wants(subject: string, from: number): boolean
  onEvent(event: SeenEvent, past: boolean): void
  onMalformed(problem: string, storedMs: number): void
  /** Everything up to `seq` has been given; undefined while there is no history to tell. */
  onPassed(seq: number | undefined): void
  /** A sentence for the person who watches. */
  notice(line: string): void
  onFailure(error: ReactorError): void
  clock: Clock
}

export interface Source {
  /** The link is back: what was missed is read from history. */
  linkBack(): void
  linkLost(): void
  stop(): void
}

/** How long history may take to come back after the server did. */
const PATIENCE_MS = 15_000
const RETRY_MS = 250
/** Live events that wait while history is read; what comes on top is read from history too. */
const MAX_QUEUE = 5000

/**
 * Starts to follow. Throws `forbidden`, and what history answers when `since` asks for it. Resolves once live events are
 * subscribed to.
 */
export async function followEvents(parts: SourceParts): Promise<Source> {
  const { nc, subjects, clock, notice } = parts
  const prefix = subjects.livePrefix
  const stopping = new AbortController()
  const queue: { raw: RawEvent; seq: number }[] = []
  /** Sequence of the last event that was given. */
  let position: number | undefined
  let lastStoredMs = clock.now()
  /** The last event that arrived, given or not. */
  let arrived: number | undefined
  let arrivedMs = 0
  // What history has to mend: another store, a queue that ran over, a link that was away.
  let [replaced, overflown, unchecked] = [false, false, false]
  let [busy, linked, hasHistory] = [true, true, true]
  /** Only some events come: a number that is left out says nothing. */
  let partial = false

  const ask = askHistory(nc, subjects)
  const pass = (seq: number | undefined) => {
    position = seq
    parts.onPassed(seq)
  }
  const givePage: OnPage = (events, upTo) => {
    for (const event of events) {
      if (stopping.signal.aborted) return false
      if (event.seq <= (position ?? 0)) continue
      parts.onEvent(event, true)
      pass(event.seq)
    }
    if (upTo > (position ?? -1)) pass(upTo)
    return !stopping.signal.aborted
  }

  const readMissed = async () => {
    if (!replaced && (await readHistory(ask, { after: position ?? 0 }, givePage)) === 'read') return
    replaced = false
    notice('the event store has begun anew; following the new one')
    queue.length = 0
    arrived = undefined
    position = undefined
    await readHistory(ask, { since: lastStoredMs + 1 }, givePage)
  }

  /** Reads what was missed; gives up on history, and says so, when it stays away. */
  const mend = async () => {
    unchecked = false
    overflown = false
    const giveUp = clock.now() + (hasHistory ? PATIENCE_MS : 0)
    for (;;) {
      try {
        await readMissed()
        hasHistory = true
        return
      } catch (error) {
        if (stopping.signal.aborted) return
        unchecked = !linked
        if (!linked) return
        if (clock.now() >= giveUp) {
          notice(`events may be missing here, for history cannot be read: ${errorMessage(error)}`)
          hasHistory = false
          replaced = false
          return pass(undefined)
        }
        await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined)
      }
    }
  }

  const give = (raw: RawEvent, seq: number) => {
    lastStoredMs = raw.storedMs
    const from = raw.subject.indexOf('.', prefix.length) + 1
    if (from === 0 || parts.wants(raw.subject, from)) {
      const read = readEvent(prefix, raw)
      if (read.ok) {
        const { origin, ...event } = read.event
        parts.onEvent({ seq, ...event, origin: formatOrigin(origin) }, false)
      } else parts.onMalformed(read.problem, raw.storedMs)
    }
    if (seq > 0) pass(seq)
  }

  const isNext = (seq: number) => partial || seq === 0 || position === undefined || seq === position + 1

  const pump = async () => {
    if (busy || !linked) return
    busy = true
    try {
      while (!stopping.signal.aborted && linked) {
        const next = queue[0]
        if (unchecked || replaced || (next === undefined && overflown)) await mend()
        else if (next === undefined) return
        else if (next.seq > 0 && position !== undefined && next.seq <= position) queue.shift()
        else if (isNext(next.seq)) {
          queue.shift()
          give(next.raw, next.seq)
        } else await mend()
      }
    } catch (error) {
      parts.onFailure(asReactorError(error))
    } finally {
      busy = false
    }
  }

  const receive = (message: Msg) => {
    // One whose headers its sender has made unreadable leaves a gap, and comes from history.
    if (!isRepublished(message)) return
    const raw = rawFromLive(message)
    const { seq } = raw
    // Patterns may overlap: the server then sends it once for each, one right after the other.
    if (partial && seq === arrived && raw.storedMs === arrivedMs) return
    // A newer event under a lower number comes from another store.
    if (arrived !== undefined && seq <= arrived && raw.storedMs > arrivedMs) replaced = true
    arrived = seq
    arrivedMs = raw.storedMs
    if (!busy && queue.length === 0 && !unchecked && !replaced && isNext(seq)) return give(raw, seq)
    if (queue.length < MAX_QUEUE) queue.push({ raw, seq })
    else overflown = true
    void pump()
  }

  const open = async () => {
    if (parts.since === undefined) {
      try {
        pass(await lastStored(ask))
      } catch {
        // Without history the live events are still there; a gap after a lost link will be told.
        hasHistory = false
      }
    }
    const { narrow, onFailure: onRefused } = parts
    partial = (await followLive({ nc, prefix, narrow, signal: stopping.signal, receive, onRefused })).partial
    if (parts.since !== undefined) await readFromStart(ask, parts.since, givePage, clock)
  }
  await open()
  busy = false
  void pump()

  return {
    linkLost() {
      linked = false
    },
    linkBack() {
      linked = true
      unchecked = true
      void pump()
    },
    stop() {
      stopping.abort()
      queue.length = 0
    },
  }
}
