// Executes reactions: reads them from both classes of their stream into lanes, runs the actions of each, enters what became
// of it in the ledger and acks after that.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/errors.ts'
import type { HistogramReading } from '../../base/histogram.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { consumeDurable } from '../../bus/consume.ts'
import type { Fire } from '../../bus/fire.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { DecisionState } from '../../protocol/reaction.ts'
import { laneConsumer, streamNames } from '../../protocol/streams.ts'
import type { LaneClass, Subjects } from '../../protocol/subject.ts'
import { createLanes } from '../lanes.ts'
import type { Ledger } from '../ledger.ts'
import type { PublishJob } from '../publish.ts'
import type { RunFunction } from '../run-function.ts'
import type { CallWheel } from '../wheel-client.ts'
import type { Item } from './batch.ts'
import { createDeliveries } from './deliveries.ts'
import { createTellFailure } from './failure.ts'
import { createIntake } from './intake.ts'
import { openParking } from './parking.ts'
import { createPutBack } from './put-back.ts'
import { type SettleParts, settle } from './settle.ts'
import { createShares, type ShareLimits } from './shares.ts'
import { createTally } from './tally.ts'
import type { TargetParts } from './targets.ts'
import { createLearnOutcome } from './unknown.ts'

export interface ReactionParts extends TargetParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  fire: Fire
  ledger: Ledger
  alarms: Alarms
  publishJob: PublishJob
  runFunction: RunFunction
  callWheel: CallWheel
  /** Cuts short the functions that run here, when the worker stops. */
  stopFunctions?(): void
  /** Reactions of one rule that run at once, unless the rule says. */
  concurrency: number
  limits?: ShareLimits
  clock: Clock
  log: Log
}

export interface ReactionStats {
  /** Since the start, by rule and state. */
  decisions: ReadonlyMap<string, ReadonlyMap<DecisionState, number>>
  /** Messages in hand, of one or more reactions each and those that run included, by rule and class. */
  waiting: { rule: string; fast: number; slow: number }[]
  running: number
  /** Of the messages in hand. */
  bytes: number
  /** From the storing of the event to the decision. */
  latency: HistogramReading
}

export interface Reactions extends Running {
  /** Made when it is asked for. */
  stats(): ReactionStats
}

/** A batch has as many reactions as were decided in a turn: these are many. */
const AHEAD = 500
/** Reactions that are done and wait for the ledger, which takes them in batches. */
const MOST_RECORDING = 5000
/** After the link was lost: what the server's crash made it forget comes again within this. */
const DOUBTFUL_MS = 60_000

export async function startReactions(parts: ReactionParts): Promise<Reactions> {
  const { nc, subjects, publisher, ledger, alarms, clock, log } = parts
  const stop = new AbortController()
  const common = { ...parts, stopping: stop.signal }
  const tally = createTally(alarms)
  const settling: SettleParts = {
    ...common,
    tally,
    parking: await openParking(common),
    tellFailure: await createTellFailure(common),
    learnOutcome: await createLearnOutcome(common),
  }
  const recording = new Set<Promise<void>>()
  const failed = (item: Item, error: unknown) => {
    const { rule, event } = item.reaction
    log.error(
      { rule, event: event.id, error: errorMessage(error) },
      'a reaction could not be recorded; it will be delivered again',
    )
    intake.end(item, false)
  }
  const run = async (item: Item) => {
    intake.begin(item)
    try {
      const { recorded } = await settle(settling, item).finally(() => intake.ran(item))
      const ended = recorded.then(
        () => intake.end(item, true),
        error => failed(item, error),
      )
      // The next of its lane need not wait for the ledger, unless that holds up all.
      if (recording.size >= MOST_RECORDING) return await ended
      recording.add(ended)
      void ended.then(() => recording.delete(ended))
    } catch (error) {
      failed(item, error)
    }
  }
  const lanes = createLanes<Item>(run)
  const deliveries = createDeliveries()
  const shares = createShares(parts.limits)
  const link = watchLink(nc, clock)
  const putBack = createPutBack(publisher, subjects, log)
  const { concurrency } = parts
  const intake = createIntake({
    ...{ ledger, lanes, deliveries, shares, putBack, alarms, concurrency, log },
    doubts: link.doubts,
  })
  const consume = (lane: LaneClass) =>
    consumeDurable(nc, {
      stream: streamNames(subjects.ns).reactions,
      consumer: laneConsumer(subjects.ns, lane),
      ahead: AHEAD,
      log,
      onMessage: message => intake.onMessage(lane, message),
    })
  const consumers = await Promise.all([consume('fast'), consume('slow')])

  return {
    stats: () => ({
      decisions: tally.decisions,
      waiting: shares.read(),
      running: lanes.running(),
      bytes: Math.round(shares.bytes()),
      latency: tally.latency.read(),
    }),
    async stop() {
      await Promise.all(consumers.map(consumer => consumer.stop()))
      link.stop()
      stop.abort()
      const ended = lanes.stop()
      // What waits is given back at once, instead of when the server gives up on this worker.
      deliveries.release()
      parts.stopFunctions?.()
      await ended
      await Promise.all(recording)
      deliveries.stop()
    },
  }
}

/** Whether the link came back a moment ago: a server that was killed may deliver again what was acked. */
function watchLink(nc: NatsConnection, clock: Clock): { doubts(): boolean; stop(): void } {
  let until = 0
  const changes = nc.status() as AsyncIterable<{ type: string }> & { stop?: () => void }
  void (async () => {
    for await (const { type } of changes) if (type === 'reconnect') until = clock.now() + DOUBTFUL_MS
  })()
  return { doubts: () => clock.now() < until, stop: () => changes.stop?.() }
}
