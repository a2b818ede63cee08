// Executes reactions: reads them from their stream into lanes, runs the actions of each, enters what became of it in the
// ledger and acks after that. A reaction ends as done, or parked with the reason.
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { asReactorError, errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { consumeDurable } from '../bus/consume.ts'
import { parkReaction } from '../bus/park.ts'
import type { Publisher } from '../bus/publish.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { type Decision, type Reaction, workKey } from '../protocol/reaction.ts'
import { laneConsumer, streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createLanes } from './lanes.ts'
import type { Ledger } from './ledger.ts'
import { isAway, type PublishJob } from './publish.ts'
import type { RunFunction } from './run-function.ts'
import type { CallWheel } from './wheel-client.ts'

export interface ReactionParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  ledger: Ledger
  publishJob: PublishJob
  runFunction: RunFunction
  callWheel: CallWheel
  /** Cuts short the functions that run here, when the worker stops. */
  stopFunctions?(): void
  /** Reactions of one rule that run at once. */
  concurrency: number
  clock: Clock
  log: Log
}

interface Item {
  key: string
  /** Its deliveries; more than one where it was delivered again while it is in hand. */
  messages: JsMsg[]
  reaction: Reaction
}

const RETRY_MS = 1000

export async function startReactions(parts: ReactionParts): Promise<Running> {
  const { nc, subjects, log } = parts
  const stopping = new AbortController()
  const inHand = new Map<string, Item>()
  const lanes = createLanes<Item>({
    concurrency: parts.concurrency,
    run: item => settle(parts, item, stopping.signal).finally(() => inHand.delete(item.key)),
    working: item => item.messages.forEach(message => void message.working()),
  })
  const consumer = await consumeDurable(nc, {
    stream: streamNames(subjects.ns).reactions,
    consumer: laneConsumer(subjects.ns, 'fast'),
    ahead: 1000,
    log,
    onMessage(message) {
      const reaction = readReaction(message, log)
      if (!reaction) return message.term('no reaction')
      const key = workKey(reaction.event.id, reaction.rule)
      const held = inHand.get(key)
      // Delivered again while it waits or runs here: once is enough, for both.
      if (held) return void held.messages.push(message)
      const item = { key, messages: [message], reaction }
      inHand.set(key, item)
      lanes.push(reaction.rule, item)
    },
  })
  return {
    async stop() {
      await consumer.stop()
      stopping.abort()
      const ended = lanes.stop()
      parts.stopFunctions?.()
      await ended
      // What waits is given back at once, instead of when the server gives up on this worker.
      for (const { messages } of inHand.values()) for (const message of messages) message.nak()
    },
  }
}

function readReaction(message: JsMsg, log: Log): Reaction | undefined {
  try {
    const reaction = message.json<Reaction>()
    if (Array.isArray(reaction.actions) && typeof reaction.rule === 'string' && typeof reaction.event?.id === 'string')
      return reaction
    throw new Error('expected {rule, event, actions}')
  } catch (error) {
    log.error(
      { subject: message.subject, seq: message.seq, error: errorMessage(error) },
      'a message in the stream of reactions is malformed and dropped',
    )
    return undefined
  }
}

/** Runs one reaction to its recorded end. A failure to record it leaves the message to be delivered again. */
async function settle(parts: ReactionParts, { key, messages, reaction }: Item, stopping: AbortSignal): Promise<void> {
  const { ledger, clock, log } = parts
  try {
    if (!ledger.has(key)) {
      const { jids, problems } = await runActions(parts, reaction, key, stopping)
      const decision: Decision = {
        key,
        rule: reaction.rule,
        event: reaction.event.id,
        tag: reaction.event.tag,
        state: problems.length === 0 ? 'done' : 'parked',
        ms: Math.max(0, Math.round(clock.now() - reaction.event.storedMs)),
        jids,
        ...(problems.length === 0 ? {} : { reason: cut(problems.join('; '), MAX_REASON) }),
      }
      if (decision.state === 'parked')
        await parkReaction(parts.publisher, parts.subjects, { key, reason: decision.reason ?? '', reaction })
      await ledger.append(decision)
    }
    for (const message of messages) message.ack()
  } catch (error) {
    log.error(
      { rule: reaction.rule, event: reaction.event.id, error: errorMessage(error) },
      'a reaction could not be recorded; it will be delivered again',
    )
    for (const message of messages) message.nak(RETRY_MS)
  }
}

async function runActions(
  parts: ReactionParts,
  reaction: Reaction,
  key: string,
  stopping: AbortSignal,
): Promise<{ jids: string[]; problems: string[] }> {
  const jids: string[] = []
  const problems: string[] = []
  for (const [index, action] of reaction.actions.entries()) {
    try {
      const { jid, problem } = await persist(parts, stopping, () =>
        runAction(parts, reaction, action, `${key}/${index}/1`),
      )
      jids.push(jid)
      if (problem) problems.push(cut(`${action.kind}.${action.fun}: ${problem}`, MAX_PROBLEM))
    } catch (thrown) {
      if (isAway(thrown)) throw thrown
      const error = asReactorError(thrown)
      problems.push(cut(`${action.kind}.${action.fun}: ${error.message}`, MAX_PROBLEM))
    }
  }
  return { jids, problems }
}

/**
 * Tries an action until the store or service that it needs is there. Here, and not by a new delivery of the reaction, so
 * that the actions before it are not done again. Throws what was in the way when the worker stops.
 */
async function persist<T>({ clock, log }: ReactionParts, stopping: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      return await run()
    } catch (error) {
      if (!isAway(error)) throw error
      if (!told) log.warn({ error: errorMessage(error) }, 'an action cannot start yet; it is tried again')
      // A sleep that ends by the stop of the worker rejects: the reaction is left to another.
      await clock.sleep(RETRY_MS, stopping).catch(() => Promise.reject(error))
    }
  }
}

async function runAction(
  parts: ReactionParts,
  reaction: Reaction,
  action: ReactionAction,
  key: string,
): Promise<{ jid: string; problem?: string }> {
  const { event, rule } = reaction
  const asked = { user: askerOf(rule), cause: event.id, hops: event.hops, work: { key, causeMs: event.storedMs } }
  const { fun, arg, kwarg, untrusted } = action
  if (action.kind === 'local') {
    const { jid, minions, offline, refused } = await parts.publishJob(
      { tgt: action.tgt ?? '', ...(action.tgt_type ? { tgt_type: action.tgt_type } : {}), fun, arg, kwarg },
      { ...asked, untrusted },
    )
    const reasons = Object.entries(refused).map(([minion, reason]) => `${minion} refused: ${cut(reason, MAX_PROBLEM)}`)
    // Some of many may be away; when nobody is there, nothing was done.
    if (offline.length === minions.length) reasons.push(`offline: ${offline.join(', ')}`)
    return reasons.length === 0 ? { jid } : { jid, problem: reasons.join(', ') }
  }
  const run = action.kind === 'runner' ? parts.runFunction : parts.callWheel
  const { jid, outcome } = await run({ fun, arg, kwarg, untrusted, ...asked })
  // Left to another worker, or to this one after its restart.
  if (!outcome.ok && outcome.code === 'stopped') throw new ReactorError('unreachable', outcome.message)
  return outcome.ok ? { jid } : { jid, problem: outcome.message }
}

/** Others choose the length of their reasons; the records that hold them are messages. */
const MAX_PROBLEM = 500
const MAX_REASON = 4000
const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text

/** A schedule's entries come as `schedule:<name>`, which no rule can be called. */
const askerOf = (rule: string): string => (rule.startsWith('schedule:') ? rule : `rule:${rule}`)
