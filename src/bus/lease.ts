// A lease: one process at a time leads, and another takes over within seconds of its death. It is a key with a time to live,
// taken and renewed by compare-and-set of its revision, so that of two who reach for it one gets it.
//
// What it does not give is safety by itself. A leader that was paused, by SIGSTOP or by its host, may write after its time is
// over, whatever it asks before; `valid` only makes that rare. So whoever leads writes its state by compare-and-set too, from
// the revision that it has read after it took the lease: the first write of a new leader makes every later one of an old
// leader fail. And what it hands out on the way has ids that follow from what it has read, so that two who hand out the same
// for a moment hand it out once.
//
// `valid` counts from before the request that took or renewed the lease, on a clock that nobody sets; the server counts from
// when it had it. So while both clocks run equally fast the lease ends here before it can be another's.
//
// A renewal may be stored and its ack be lost. The next one is refused then, as if another had the key; so who is refused asks
// the stream's leader whose the key is, by a random id in the value, and goes on from the revision of its own write. That was
// stored after the first request since the last ack, and `valid` counts from before that one.
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { bucketNames } from '../protocol/streams.ts'
import { openBucket } from './bucket.ts'
import { lastOn } from './last-on.ts'
import { isWrongSequence } from './overtaken.ts'

export interface Lease {
  /** Whether it surely still is this process's own. */
  valid(): boolean
  /** Aborted once it is lost or released. */
  readonly lost: AbortSignal
  /** Another may have it at once. */
  release(): Promise<void>
}

export interface Leases {
  /** Waits for it, until `signal` aborts: then undefined. What goes wrong meanwhile is tried again. */
  take(name: string, signal: AbortSignal): Promise<Lease | undefined>
}

export interface LeaseTimes {
  /** Whole seconds: the server counts none that are less. */
  ttlMs: number
  renewMs: number
  lookMs: number
}

const TIMES: LeaseTimes = { ttlMs: 5000, renewMs: 1200, lookMs: 700 }

/** `holder` names this process, for people who look into the bucket. */
export async function openLeases(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  holder: string,
  log: Log,
  { ttlMs, renewMs, lookMs }: LeaseTimes = TIMES,
): Promise<Leases> {
  const name = bucketNames(ns).leases
  const bucket = await openBucket(nc, name, { replicas, markerTtlMs: ttlMs })
  const timeout = Math.min(renewMs * 2, ttlMs / 2)
  const js = jetstream(nc, { timeout })
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout })

  const ttl = `${Math.ceil(ttlMs / 1000)}s`

  /** Its revision; undefined where another was quicker. */
  const write = async (key: string, body: string, revision: number): Promise<number | undefined> => {
    try {
      const ack = await js.publish(`$KV.${name}.${key}`, body, {
        expect: { lastSubjectSequence: revision },
        ttl,
      })
      return ack.seq
    } catch (error) {
      if (error instanceof JetStreamApiError && isWrongSequence(error.code)) return undefined
      throw error
    }
  }

  /** The revision of the key where it is what this lease has written. */
  const find = async (key: string, body: string): Promise<number | undefined> => {
    const stored = await lastOn(jsm, `KV_${name}`, `$KV.${name}.${key}`, { what: `who has the lease ${key}` })
    return stored?.string() === body ? stored.seq : undefined
  }

  const hold = (key: string, body: string, taken: number, since: number): Lease => {
    const ended = new AbortController()
    let revision = taken
    let validUntil = since + ttlMs
    const valid = () => !ended.signal.aborted && performance.now() < validUntil
    const end = (why: string) => {
      if (ended.signal.aborted) return
      log.info({ lease: key, why }, 'this process does not lead any more')
      ended.abort()
    }
    const keep = async () => {
      let wait = renewMs
      /** When the first of the renewals began of which nothing is known. */
      let unsure: number | undefined
      while (!ended.signal.aborted) {
        await delay(wait, undefined, { ref: false, signal: ended.signal })
        // Between this look and the end of the write another may not have it: the write itself compares.
        const before = performance.now()
        unsure ??= before
        // What was not acked may have to be looked for before its time is over.
        wait = lookMs
        try {
          const renewed = await write(key, body, revision)
          const stored = renewed ?? (await find(key, body))
          if (stored === undefined) return end('another has it, or it has run out')
          if (renewed === undefined && !valid()) return end('it could not be renewed in time')
          // Of a cluster: one that was not acked is still on its way.
          if (stored === revision) continue
          revision = stored
          validUntil = (renewed === undefined ? unsure : before) + ttlMs
          unsure = undefined
          wait = renewed === undefined ? 0 : renewMs
        } catch (error) {
          if (!valid()) return end(`it could not be renewed in time: ${errorMessage(error)}`)
        }
      }
    }
    // Its own end is its only error.
    keep().catch(() => undefined)
    const watch = setInterval(() => {
      if (!valid()) end('its time is over')
      if (ended.signal.aborted) clearInterval(watch)
    }, lookMs).unref()
    return {
      valid,
      lost: ended.signal,
      async release() {
        if (ended.signal.aborted) return
        ended.abort()
        try {
          await bucket.purge(key, { previousSeq: revision, ttl })
        } catch (error) {
          // It runs out by itself.
          log.debug({ lease: key, error: errorMessage(error) }, 'a lease could not be given back')
        }
      },
    }
  }

  return {
    async take(key, signal) {
      let told = false
      while (!signal.aborted && !nc.isClosed()) {
        try {
          const found = await bucket.get(key)
          if (found?.operation !== 'PUT') {
            const before = performance.now()
            const body = JSON.stringify({ holder, id: randomUUID(), at: Date.now() })
            const revision = await write(key, body, found?.revision ?? 0)
            if (revision !== undefined) return hold(key, body, revision, before)
          }
          told = false
        } catch (error) {
          if (!told)
            log.warn({ lease: key, error: errorMessage(error) }, 'a lease cannot be taken yet; it is tried again')
          told = true
        }
        await delay(lookMs, undefined, { ref: false, signal }).catch(() => undefined)
      }
      return undefined
    },
  }
}
