// What is kept of the master's schedule, in a bucket: of each entry what the timetable needs (`kept.<name>`), what people have
// made of entries (`change.<name>`), and when a leader was last there (`state`). One leader writes; each write expects what the
// leader has read or written last, so that one that leads no more, and does not know it yet, is refused.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { openBucket } from '../bus/bucket.ts'
import { isOvertaken } from '../bus/pub-ack.ts'
import type { Publisher } from '../bus/publish.ts'
import { readBatch } from '../bus/read-batch.ts'
import { newEventId } from '../protocol/event.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken, unescapeToken } from '../protocol/token.ts'
import type { Change } from './book.ts'
import type { Kept } from './timetable.ts'

/** Times are milliseconds since the epoch. */
export interface State {
  /** When the leader was last there. */
  at: number
  /** When the schedule started: runs on start have it for their slot. */
  start: number
  /** Whether those runs are kept. */
  begun: boolean
  /** Part of the ids of events about slots, so that nobody can take them before. */
  secret: string
}

export interface Loaded {
  kept: Map<string, Kept>
  /** Of the whole schedule under ''. */
  changes: Map<string, Change>
  state: State | undefined
}

export interface ScheduleStore {
  /** All of it; writes expect this from then on. */
  load(): Promise<Loaded>
  /** Undefined: no more. Throws `store_refused`, with `overtaken` in its details where another has written. */
  keep(name: string, kept: Kept | undefined): Promise<void>
  keepChange(name: string, change: Change | undefined): Promise<void>
  keepState(state: State): Promise<void>
}

const BATCH = { messages: 2000, bytes: 4 * 1024 * 1024 }
const WRITE_MS = 10_000
/** Marks of what is gone, as the client of buckets makes them. */
const MARKER_MS = 600_000
const GONE = { 'KV-Operation': 'PURGE', 'Nats-TTL': `${MARKER_MS / 1000}s` }
const STATE = 'state'

export async function openScheduleStore(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  publisher: Publisher,
  log: Log,
): Promise<ScheduleStore> {
  const name = bucketNames(ns).schedules
  await openBucket(nc, name, { replicas, markerTtlMs: MARKER_MS })
  const stream = `KV_${name}`
  const prefix = `$KV.${name}.`
  let revisions = new Map<string, number>()
  /** Of those, keys whose last message is the mark of what is gone. */
  let gone = new Set<string>()
  /** Of one key one write after the other, in the order of the calls. */
  const tails = new Map<string, Promise<unknown>>()

  const publish = async (key: string, value: unknown, before: number): Promise<number> => {
    const { seq } = await publisher.publish(`${prefix}${key}`, value === undefined ? '' : JSON.stringify(value), {
      // One that is sent again is not taken for another's.
      id: newEventId(),
      headers: { ...(value === undefined ? GONE : {}), 'Nats-Expected-Last-Subject-Sequence': String(before) },
      deadlineMs: WRITE_MS,
    })
    return seq
  }
  const put = async (key: string, value: unknown): Promise<void> => {
    const before = revisions.get(key) ?? 0
    const isGone = gone.has(key)
    if (value === undefined && (before === 0 || isGone)) return
    try {
      const seq = await publish(key, value, before).catch(error => {
        if (!isGone || !isOvertaken(error)) throw error
        // The time of its mark is over, and nothing stands in its place.
        return publish(key, value, 0)
      })
      revisions.set(key, seq)
      if (value === undefined) gone.add(key)
      else gone.delete(key)
    } catch (error) {
      const overtaken = isOvertaken(error)
      const why = overtaken ? 'another has written it' : errorMessage(error)
      throw new ReactorError('store_refused', `${key} in bucket ${name} cannot be kept: ${why}`, { overtaken }, error)
    }
  }
  const write = (key: string, value: unknown): Promise<void> => {
    const done = (tails.get(key) ?? Promise.resolve()).then(() => put(key, value))
    const tail = done.catch(() => undefined)
    tails.set(key, tail)
    void tail.then(() => tails.get(key) === tail && tails.delete(key))
    return done
  }
  const keyOf = (kind: 'kept' | 'change', entry: string) => `${kind}.${escapeToken(entry)}`

  return {
    async load() {
      const loaded: Loaded = { kept: new Map(), changes: new Map(), state: undefined }
      const found = new Map<string, number>()
      const foundGone = new Set<string>()
      for (let seq = 1; ; ) {
        const batch = await readBatch(nc, stream, { seq }, BATCH)
        for (const message of batch) {
          const key = message.subject.slice(prefix.length)
          found.set(key, message.seq)
          seq = message.seq + 1
          const value = message.header('KV-Operation') ? undefined : message.text()
          if (value === undefined) foundGone.add(key)
          else foundGone.delete(key)
          try {
            read(loaded, key, value)
          } catch (error) {
            log.warn({ key, error: errorMessage(error) }, 'what is kept of a schedule is malformed and left out')
          }
        }
        if (batch.length === 0) break
      }
      revisions = found
      gone = foundGone
      return loaded
    },
    keep: (entry, kept) => write(keyOf('kept', entry), kept),
    keepChange: (entry, change) => write(keyOf('change', entry), change),
    keepState: state => write(STATE, state),
  }
}

/** Later messages of a key, which batches may have, take the place of earlier ones. */
function read(loaded: Loaded, key: string, text: string | undefined): void {
  const value = text === undefined ? undefined : JSON.parse(text)
  if (key === STATE) {
    loaded.state = value
    return
  }
  const [kind, token = ''] = key.split('.')
  const name = unescapeToken(token)
  const into = (kind === 'kept' ? loaded.kept : loaded.changes) as Map<string, unknown>
  if (value === undefined) into.delete(name)
  else into.set(name, value)
}
