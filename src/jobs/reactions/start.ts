// Executes reactions: reads them from both classes of their stream into lanes, runs the actions of each, enters what became
// of it in the ledger and acks after that.
import { setMaxListeners } from 'node:events'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/errors.ts'
import type { HistogramReading } from '../../base/histogram.ts'
import { createInHand } from '../../base/in-hand.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { consumeDurable } from '../../bus/consume.ts'
import type { Fire } from '../../bus/fire.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { DecisionState } from '../../protocol/reaction.ts'
import { laneConsumer, streamNames } from '../../protocol/streams.ts'
import type { LaneClass, Subjects } from '../../protocol/subject.ts'
import { openPending } from '../control/pending.ts'
import { createLanes } from '../lanes.ts'
import type { Ledger } from '../ledger.ts'
import type { PublishJob } from '../publish.ts'
import type { RunFunction } from '../run-function.ts'
import type { CallWheel } from '../wheel-client.ts'
import type { Item } from './batch.ts'
import { AGAIN_MS, createDeliveries } from './deliveries.ts'
import { createTellFailure } from './failure.ts'
import { openInHand } from './in-hand.ts'
import { createIntake } from './intake.ts'
import type { Marks } from './marks.ts'
import { startOverdue } from './overdue.ts'
import { createParking } from './parking.ts'
import { createPutBack } from './put-back.ts'
import { createIsSettled, type SettleParts, settle } from './settle.ts'
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
  marks: Pick<Marks, 'release'>
  /** Cuts short the functions that run here, when the worker stops. */
  stopFunctions?(): void
  /** Reactions of one rule that run at once, unless the rule says. */
  concurrency: number
  limits?: ShareLimits
  /** Milliseconds between two looks for retries that are overdue by as much; within which `stop` ends. */
  overdueEveryMs?: number
  stopWithinMs?: number
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
/** What runs is cut short when the worker stops; what it has done is entered within this, or left. */
const STOP_WITHIN_MS = 10_000
const MOST_NAMED = 20

export async function startReactions(parts: ReactionParts): Promise<Reactions> {
  const { nc, subjects, publisher, ledger, alarms, clock, log } = parts
  const stop = new AbortController()
  // Whatever waits for the store listens to it.
  setMaxListeners(0, stop.signal)
  const pending = await openPending(nc, subjects)
  const inHand = await openInHand(nc, subjects, log)
  const common = { ...parts, pending, inHand, stopping: stop.signal }
  const tally = createTally(alarms)
  const settling: SettleParts = {
    ...common,
    tally,
    isSettled: createIsSettled(ledger, stop.signal),
    parking: createParking(common),
    tellFailure: await createTellFailure(common),
    learnOutcome: await createLearnOutcome(common),
    lookForStop: () => deliveries.check(),
  }
  const recording = new Set<Promise<void>>()
  const failed = (item: Item, error: unknown) => {
    const { rule, event } = item.reaction
    log.error(
      { rule, event: event.id, error: errorMessage(error) },
      'a reaction could not be recorded; it will be delivered again',
    )
    intake.end(item, AGAIN_MS)
  }
  const run = async (item: Item) => {
    intake.begin(item)
    try {
      const { recorded } = await settle(settling, item).finally(() => intake.ran(item))
      const ended = recorded.then(
        left => {
          if (left && 'next' in left) intake.goOn(item, left.next)
          else intake.end(item, left?.againMs)
        },
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
  const shares = createShares(parts.limits)
  const link = watchLink(nc, clock)
  const deliveries = createDeliveries(() => {
    log.warn('this process stood still: what waits is looked up in the ledger before it runs')
    link.doubt()
    intake.doubt()
  })
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
  const overdue = startOverdue({ ...common, take: intake.take }, parts.overdueEveryMs)

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
      const all = createInHand(() => undefined)
      all.add(ended.then(async () => void (await Promise.all(recording))))
      all.add(overdue.stop())
      await all.settle(parts.stopWithinMs ?? STOP_WITHIN_MS)
      const reactions = intake.running()
      if (reactions.length > 0)
        log.warn(
          { count: reactions.length, reactions: reactions.slice(0, MOST_NAMED) },
          'reactions are not recorded yet and are left to another worker; is NATS away?',
        )
      deliveries.stop()
      await inHand.stop()
    },
  }
}

/** Whether the link came back a moment ago: a server that was killed may deliver again what was acked. */
function watchLink(nc: NatsConnection, clock: Clock): { doubts(): boolean; doubt(): void; stop(): void } {
  let until = 0
  const doubt = () => {
    until = clock.now() + DOUBTFUL_MS
  }
  const changes = nc.status() as AsyncIterable<{ type: string }> & { stop?: () => void }
  void (async () => {
    for await (const { type } of changes) if (type === 'reconnect') doubt()
  })()
  return { doubts: () => clock.now() < until, doubt, stop: () => changes.stop?.() }
}
