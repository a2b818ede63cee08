// A bucket of JSON values that several processes change: mirrored in memory, changed by compare-and-set. Whoever has changed
// a value sees it at once; what the mirror tells of it later is not news.
import { JetStreamApiError } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { mirrorBucket, openBucket } from './bucket.ts'
import { isWrongSequence } from './overtaken.ts'

/** Hears of each change, this process's own too; `undefined`: there is none, or none any more. */
export type TableListener<T> = (key: string, value: T | undefined, before: T | undefined) => void

export interface Table<T> extends Running {
  readonly values: ReadonlyMap<string, T>
  /**
   * Puts what `next` makes of the present value in its place, or nothing: `undefined` deletes, the same object leaves all
   * as it is. Called again where another was faster, so it must have no effects. Throws what it throws, and `store_refused`.
   */
  change(key: string, next: (value: T | undefined) => T | undefined): Promise<{ before?: T; after?: T }>
  /** Tells of each change until the returned function is called. */
  follow(listener: TableListener<T>): () => void
}

/** The marks of deleted keys go after this: whoever follows the bucket has long heard. */
const MARKER_TTL_MS = 600_000
const MOST_TRIES = 100

export async function openTable<T extends object>(
  nc: NatsConnection,
  name: string,
  options: { replicas: number; read(value: unknown): T; log: Log },
): Promise<Table<T>> {
  const { read, log } = options
  const bucket = await openBucket(nc, name, { replicas: options.replicas, markerTtlMs: MARKER_TTL_MS })
  const values = new Map<string, T>()
  /** Of the values that this process has from a change, its own or another's. */
  const revisions = new Map<string, number>()
  /** Keys that are deleted, while something older may still be said of them: by the mirror, or by a change in hand. */
  const deleted = new Map<string, number>()
  /** Those of them that only a change in hand could take for news. */
  const deletedMeanwhile = new Set<string>()
  /** Changes of one key by this process wait for each other, instead of racing in the bucket. */
  const tails = new Map<string, Promise<unknown>>()
  const listeners = new Set<TableListener<T>>()

  const set = (key: string, value: T | undefined, revision: number): void => {
    const before = values.get(key)
    if (value === undefined) {
      values.delete(key)
      revisions.delete(key)
    } else {
      values.set(key, value)
      revisions.set(key, revision)
      deleted.delete(key)
      deletedMeanwhile.delete(key)
    }
    if (before === undefined && value === undefined) return
    for (const listener of [...listeners]) {
      try {
        listener(key, value, before)
      } catch (error) {
        log.error({ key, error: errorMessage(error) }, 'a change of a bucket could not be followed up')
      }
    }
  }
  const latest = (key: string): number => revisions.get(key) ?? deleted.get(key) ?? 0
  /** What the bucket says of a key: nothing new where this process knows of something later. */
  const learn = (key: string, value: T | undefined, revision: number): void => {
    if (revision !== 0 && revision <= latest(key)) return
    if (value === undefined && tails.has(key)) {
      deleted.set(key, revision)
      deletedMeanwhile.add(key)
    } else deleted.delete(key)
    set(key, value, revision)
  }
  const mirror = await mirrorBucket<T>(nc, bucket, { read, log, onChange: learn })
  for (const [key, value] of mirror.values) if (!values.has(key)) values.set(key, value)

  /** What the bucket has; a value that cannot be read counts as none, and may be written over. */
  const fetch = async (key: string): Promise<{ value: T | undefined; revision: number }> => {
    const entry = await bucket.get(key)
    if (!entry) return { value: undefined, revision: 0 }
    if (entry.operation !== 'PUT') return { value: undefined, revision: entry.revision }
    try {
      return { value: read(entry.json()), revision: entry.revision }
    } catch (error) {
      log.warn({ key, error: errorMessage(error) }, 'a value in the bucket is malformed and counts as none')
      return { value: undefined, revision: entry.revision }
    }
  }

  const attempt: Table<T>['change'] = async (key, next) => {
    let { value, revision } = { value: values.get(key), revision: revisions.get(key) ?? 0 }
    // A value from before this process started: its revision is not known yet.
    if (value !== undefined && revision === 0) ({ value, revision } = await fetch(key))
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const after = next(value)
      const done = { ...(value === undefined ? {} : { before: value }), ...(after === undefined ? {} : { after }) }
      if (after === value) return done
      try {
        if (after === undefined) await remove(key, revision)
        else await put(key, after, revision)
        return done
      } catch (error) {
        if (!(error instanceof JetStreamApiError && isWrongSequence(error.code))) throw refused(name, error)
        const tried = revision
        ;({ value, revision } = await fetch(key))
        // Told by the mirror while the bucket was asked, which may have answered before.
        if (revision === 0 && latest(key) > tried) {
          value = values.get(key)
          revision = latest(key)
        } else learn(key, value, revision)
      }
    }
    throw new ReactorError('store_refused', `${key} in bucket ${name} changes too fast to be changed; ask again`)
  }
  // The mirror may have told of it, and of what came after, before the answer is here.
  const put = async (key: string, value: T, previous: number): Promise<void> =>
    learn(key, value, await bucket.put(key, JSON.stringify(value), { previousSeq: previous }))
  const remove = async (key: string, revision: number): Promise<void> => {
    await bucket.purge(key, { previousSeq: revision, ttl: `${MARKER_TTL_MS / 1000}s` })
    if (!values.has(key) || (revisions.get(key) ?? 0) > revision) return
    set(key, undefined, 0)
    deleted.set(key, revision)
  }

  return {
    values,
    change(key, next) {
      const result = (tails.get(key) ?? Promise.resolve()).then(() => attempt(key, next))
      const tail = result.catch(() => undefined)
      tails.set(key, tail)
      void tail.then(() => {
        if (tails.get(key) !== tail) return
        tails.delete(key)
        if (deletedMeanwhile.delete(key)) deleted.delete(key)
      })
      return result
    },
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: () => mirror.stop(),
  }
}

const refused = (name: string, error: unknown): ReactorError =>
  new ReactorError('store_refused', `bucket ${name} cannot be changed: ${errorMessage(error)}`, {}, error)
