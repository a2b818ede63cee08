// The stateful rules of this process: for each partition it stands ready, and leads while it has the lease. Rules are dealt to
// partitions by their names.
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { openBucket } from '../../bus/bucket.ts'
import { type Lease, type LeaseTimes, openLeases } from '../../bus/lease.ts'
import { bucketNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { windowHeadKey } from '../../protocol/window-head.ts'
import type { CompiledBundle } from '../compiled-bundle.ts'
import { createCheckpoint } from './checkpoint.ts'
import { createDeliver, type DeliverParts } from './deliver.ts'
import { createFolds, type Folds } from './folds.ts'
import { type Leader, startLeader } from './leader.ts'
import { openEventStream } from './stream-state.ts'
import type { Bounds } from './window.ts'

export interface WindowsParts extends DeliverParts, Bounds {
  nc: NatsConnection
  subjects: Subjects
  replicas: number
  alarms: Alarms
  /** Ids of the minions that are known. */
  minions(): ReadonlySet<string>
  log: Log
  partitions?: number
  leaseTimes?: LeaseTimes
}

export interface WindowStats {
  /** Partitions that are led from here. */
  led: number
  keys: ReadonlyMap<string, number>
  /** Keys that gave way since their rule began. */
  dropped: ReadonlyMap<string, number>
  /** Events that a rule wanted, since the start. */
  folded: number
  /** Events that are still to be read, of the partition that is furthest behind. */
  lag: number
}

export interface Windows extends Running {
  use(bundle: CompiledBundle): void
  stats(): WindowStats
}

interface Led {
  leader: Leader
  folds: Folds
}

const AGAIN_AFTER_MS = 500

export async function startWindows(parts: WindowsParts): Promise<Windows> {
  const { nc, subjects, replicas, log, partitions = 1 } = parts
  const { ns } = subjects
  const holder = `${hostname()}:${process.pid}`
  const leases = await openLeases(nc, ns, replicas, holder, log, parts.leaseTimes)
  const bucket = await openBucket(nc, bucketNames(ns).windows, { replicas })
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: 5000 })
  const stream = openEventStream(jsm, ns, replicas)
  const stopping = new AbortController()
  const led = new Map<number, Led>()
  let bundle: CompiledBundle | undefined
  let changed = new AbortController()
  let foldedBefore = 0

  const wants = (partition: number) =>
    bundle?.entries.some(({ kind, rule }) => kind === 'windowed' && partitionOf(rule.rule, partitions) === partition)

  /** What was kept of rules that are gone holds the trimming of history back. */
  const isLeft = async (partition: number) => (await bucket.get(windowHeadKey(partition)))?.operation === 'PUT'

  const lead = async (partition: number, lease: Lease) => {
    const told = log.child({ partition })
    const deliver = createDeliver({ ...parts, log: told })
    const folds = createFolds({
      ...parts,
      prefix: subjects.eventPrefix,
      mine: rule => partitionOf(rule, partitions) === partition,
      emit: deliver.give,
      gaveWay: rule => parts.alarms.raise('window_keys', rule, { rule, max_keys: parts.maxKeys }),
      log: told,
    })
    const checkpoint = createCheckpoint(bucket, partition, told)
    const began = bundle!
    if (!wants(partition)) {
      await checkpoint.load()
      await checkpoint.clear()
      return
    }
    const leader = await startLeader(
      { nc, stream, lease, checkpoint, folds, deliver, minions: parts.minions, log: told },
      began,
    )
    led.set(partition, { leader, folds })
    try {
      if (stopping.signal.aborted) await leader.stop()
      else if (bundle !== began) leader.use(bundle!)
      await leader.ended
    } finally {
      led.delete(partition)
      foldedBefore += folds.folded()
    }
  }

  const serve = async (partition: number) => {
    while (!stopping.signal.aborted && !nc.isClosed()) {
      const { signal } = changed
      try {
        if (!bundle || !(wants(partition) || (await isLeft(partition)))) {
          await aborted(signal)
          continue
        }
        const lease = await leases.take(`windows.${partition}`, signal)
        if (!lease) continue
        try {
          await lead(partition, lease)
        } finally {
          await lease.release()
        }
      } catch (error) {
        log.warn({ partition, error: errorMessage(error) }, 'stateful rules cannot be led from here yet')
        await delay(AGAIN_AFTER_MS, undefined, { ref: false })
      }
    }
  }
  const serving = Array.from({ length: partitions }, (_, partition) => serve(partition))
  const wake = () => {
    const before = changed
    changed = new AbortController()
    before.abort()
  }

  return {
    use(next) {
      bundle = next
      wake()
      for (const { leader } of led.values()) leader.use(next)
    },
    stats() {
      const keys = new Map<string, number>()
      const dropped = new Map<string, number>()
      let folded = foldedBefore
      let lag = 0
      for (const { leader, folds } of led.values()) {
        folded += folds.folded()
        lag = Math.max(lag, leader.lag())
        for (const [rule, { fold }] of folds.rules) {
          keys.set(rule, fold.keys())
          dropped.set(rule, fold.dropped())
        }
      }
      return { led: led.size, keys, dropped, folded, lag }
    },
    async stop() {
      stopping.abort()
      wake()
      await Promise.all([...led.values()].map(({ leader }) => leader.stop()))
      await Promise.race([Promise.all(serving), delay(5000, undefined, { ref: false })])
    },
  }
}

const partitionOf = (rule: string, partitions: number): number =>
  partitions === 1 ? 0 : createHash('sha256').update(rule).digest().readUInt32BE() % partitions

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
