// The stateful rules of this process: it stands ready, and leads while it has the lease.
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
  leaseTimes?: LeaseTimes
}

export interface WindowStats {
  /** 1 where they are led from here. */
  led: number
  keys: ReadonlyMap<string, number>
  /** Keys that gave way since their rule began. */
  dropped: ReadonlyMap<string, number>
  /** Events that a rule wanted, since the start. */
  folded: number
  /** Events that are still to be read. */
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

/** The one that there is: all rules are folded in one. */
const PARTITION = 0
const AGAIN_AFTER_MS = 500

export async function startWindows(parts: WindowsParts): Promise<Windows> {
  const { nc, subjects, replicas, log } = parts
  const { ns } = subjects
  const holder = `${hostname()}:${process.pid}`
  const leases = await openLeases(nc, ns, replicas, holder, log, parts.leaseTimes)
  const bucket = await openBucket(nc, bucketNames(ns).windows, { replicas })
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: 5000 })
  const stream = openEventStream(jsm, ns, replicas)
  const stopping = new AbortController()
  let led: Led | undefined
  let bundle: CompiledBundle | undefined
  let changed = new AbortController()
  let foldedBefore = 0

  const wants = () => bundle?.entries.some(({ kind }) => kind === 'windowed')
  /** What was kept of rules that are gone holds the trimming of history back. */
  const isLeft = async () => (await bucket.get(windowHeadKey(PARTITION)))?.operation === 'PUT'

  const lead = async (lease: Lease) => {
    const deliver = createDeliver(parts)
    const folds = createFolds({
      ...parts,
      prefix: subjects.eventPrefix,
      emit: deliver.give,
      gaveWay: rule => parts.alarms.raise('window_keys', rule, { rule, max_keys: parts.maxKeys }),
    })
    const checkpoint = createCheckpoint(bucket, PARTITION, log)
    const began = bundle!
    if (!wants()) {
      await checkpoint.load()
      await checkpoint.clear()
      return
    }
    const leader = await startLeader(
      { nc, stream, lease, checkpoint, folds, deliver, minions: parts.minions, log },
      began,
    )
    led = { leader, folds }
    try {
      if (stopping.signal.aborted) await leader.stop()
      else if (bundle !== began) leader.use(bundle!)
      await leader.ended
    } finally {
      led = undefined
      foldedBefore += folds.folded()
    }
  }

  const serve = async () => {
    while (!stopping.signal.aborted && !nc.isClosed()) {
      const { signal } = changed
      try {
        if (!bundle || !(wants() || (await isLeft()))) {
          await aborted(signal)
          continue
        }
        const lease = await leases.take(`windows.${PARTITION}`, signal)
        if (!lease) continue
        try {
          await lead(lease)
        } finally {
          await lease.release()
        }
      } catch (error) {
        log.warn({ error: errorMessage(error) }, 'stateful rules cannot be led from here yet')
        await delay(AGAIN_AFTER_MS, undefined, { ref: false })
      }
    }
  }
  const serving = serve()
  const wake = () => {
    const before = changed
    changed = new AbortController()
    before.abort()
  }

  return {
    use(next) {
      bundle = next
      wake()
      led?.leader.use(next)
    },
    stats() {
      const rules = [...(led?.folds.rules ?? [])]
      return {
        led: led ? 1 : 0,
        keys: new Map(rules.map(([rule, { fold }]) => [rule, fold.keys()])),
        dropped: new Map(rules.map(([rule, { fold }]) => [rule, fold.dropped()])),
        folded: foldedBefore + (led?.folds.folded() ?? 0),
        lag: led?.leader.lag() ?? 0,
      }
    },
    async stop() {
      stopping.abort()
      wake()
      await led?.leader.stop()
      await Promise.race([serving, delay(5000, undefined, { ref: false })])
    },
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
