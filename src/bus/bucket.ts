// Key-value buckets, and a bucket held in memory: loaded once, followed by a watch, loaded anew after a reconnect.
import { type KV, Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'

/** Opens a bucket, making it where it is missing. With `markerTtlMs`, purging a key may leave a mark that goes by itself. */
export async function openBucket(
  nc: NatsConnection,
  name: string,
  options: { replicas: number; history?: number; markerTtlMs?: number },
): Promise<KV> {
  try {
    return await new Kvm(nc).create(name, {
      replicas: options.replicas,
      history: options.history ?? 1,
      ...(options.markerTtlMs === undefined ? {} : { markerTTL: options.markerTtlMs }),
      timeout: 10_000,
    })
  } catch (error) {
    throw new ReactorError('bad_config', `bucket ${name} cannot be set up: ${errorMessage(error)}`, {}, error)
  }
}

export interface Mirror<T> extends Running {
  /** The bucket's present values by key. */
  readonly values: ReadonlyMap<string, T>
}

/**
 * Follows a bucket of JSON values. Resolves once what the bucket held is in `values`; `onChange` then tells of each
 * later change. A value that `read` refuses is logged and left out.
 */
export async function mirrorBucket<T>(
  nc: NatsConnection,
  bucket: KV,
  options: {
    read(value: unknown): T
    /**
     * `revision`: of the value or of its deletion; where a key is found to be gone without a word of it, the bucket's own, or 0
     * where the bucket was made anew.
     */
    onChange?(key: string, value: T | undefined, revision: number): void
    log: Log
  },
): Promise<Mirror<T>> {
  const { log } = options
  const values = new Map<string, T>()
  let highest = 0
  let stopped = false
  let current: { stop(): void } | undefined
  let standing = false
  let atFirst: () => void = () => undefined
  const first = new Promise<void>(resolve => {
    atFirst = resolve
  })
  const ended = () => stopped || nc.isClosed() || nc.isDraining()

  const apply = (key: string, text: string | undefined, revision: number, announce: boolean) => {
    try {
      const value = text === undefined ? undefined : options.read(JSON.parse(text))
      if (value === undefined) values.delete(key)
      else values.set(key, value)
      if (announce) options.onChange?.(key, value, revision)
    } catch (error) {
      log.warn({ key, error: errorMessage(error) }, 'a value in the bucket is malformed and left out')
    }
  }

  /** Resolves once a new watch stands in the place of the old one, which goes on where it throws. */
  const load = async () => {
    // Before the watch: what is stored later, it tells.
    const { last_seq: last } = (await bucket.status()).streamInfo.state
    // Where it has less than was seen of it, it was made anew, and revisions say nothing of what was before.
    const asOf = last < highest ? 0 : last
    const watch = await bucket.watch()
    let held: number
    try {
      // After the watch: a bucket that is empty now has nothing that the watch could begin with.
      held = (await bucket.status()).values
    } catch (error) {
      watch.stop()
      throw error
    }
    if (ended()) return watch.stop()
    const before = current
    current = watch
    before?.stop()
    const seen = new Set<string>()
    let loaded = false
    const complete = () => {
      loaded = true
      for (const key of [...values.keys()]) if (!seen.has(key)) apply(key, undefined, asOf, true)
      standing = true
      reload.succeeded()
      atFirst()
    }
    if (held === 0) complete()
    void (async () => {
      for await (const entry of watch) {
        if (current !== watch) return
        seen.add(entry.key)
        highest = entry.revision
        apply(entry.key, entry.operation === 'PUT' ? entry.string() : undefined, entry.revision, standing)
        if (entry.isUpdate && !loaded) complete()
      }
    })()
      .catch(error => log.warn({ error: errorMessage(error) }, 'the watch of a bucket failed'))
      .finally(() => {
        if (current !== watch) return
        if (ended()) atFirst()
        else reload.afterPause()
      })
  }
  const reload = createRetry(load, ended, error =>
    log.warn({ error: errorMessage(error) }, 'the bucket cannot be read again yet; it is tried until it can'),
  )

  await load()
  await first
  void (async () => {
    for await (const status of nc.status()) {
      if (stopped) return
      if (status.type === 'reconnect') reload.now()
    }
  })()

  return {
    values,
    async stop() {
      stopped = true
      current?.stop()
    },
  }
}

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

/** Runs `work`, one run at a time, until it resolves or `ended`; the waits grow until `succeeded` is called. */
function createRetry(work: () => Promise<void>, ended: () => boolean, onFirstFailure: (error: unknown) => void) {
  let wait = FIRST_WAIT_MS
  let told = false
  let wanted = false
  let running = false
  const run = async (pauseFirst: boolean) => {
    wanted = true
    if (running) return
    running = true
    for (let pausing = pauseFirst; wanted && !ended(); pausing = true) {
      if (pausing) {
        await new Promise(resolve => setTimeout(resolve, wait).unref())
        wait = Math.min(wait * 2, LONGEST_WAIT_MS)
        if (ended()) break
      }
      wanted = false
      try {
        await work()
      } catch (error) {
        wanted = true
        if (!told) onFirstFailure(error)
        told = true
      }
    }
    running = false
  }
  return {
    now: () => void run(false),
    afterPause: () => void run(true),
    succeeded() {
      wait = FIRST_WAIT_MS
      told = false
    },
  }
}
