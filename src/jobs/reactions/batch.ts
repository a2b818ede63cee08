// Reading a message of REACTIONS, and what the worker holds of each reaction in it.
import type { JsMsg } from '@nats-io/jetstream'
import { errorMessage } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { Log } from '../../base/log.ts'
import type { Reaction, ReactionBatch } from '../../protocol/reaction.ts'
import type { Hold } from './deliveries.ts'

export interface Item {
  /** Names the work: event and rule. */
  key: string
  /** Names this attempt of it. */
  id: string
  reaction: Reaction
  /** More than one where it came again while it is in hand. */
  deliveries: Hold[]
  running: boolean
  /** It was handed out before: another worker may have it, or have ended it. */
  again: boolean
  /** The server may have forgotten that it was acked, or this process stood still while it was in hand. */
  doubted: boolean
}

/** The reactions of a message of one rule; undefined, with a word in the log, where it is malformed. */
export function readBatch(message: JsMsg, log: Log, expected: string): Reaction[] | undefined {
  return reading(message, log, () => {
    const batch = message.json<ReactionBatch>()
    if (!isObject(batch) || batch.rule !== expected) throw new Error(`expected a batch of rule '${expected}'`)
    return reactionsOf(batch)
  })
}

/** The reactions of a message of many rules, by rule. */
export function readMixed(message: JsMsg, log: Log): Map<string, Reaction[]> | undefined {
  return reading(message, log, () => {
    const batches = message.json<ReactionBatch[]>()
    if (!Array.isArray(batches)) throw new Error('expected a list of batches')
    const byRule = new Map<string, Reaction[]>()
    for (const batch of batches) byRule.set(batch?.rule, [...(byRule.get(batch?.rule) ?? []), ...reactionsOf(batch)])
    return byRule
  })
}

function reactionsOf(batch: ReactionBatch): Reaction[] {
  if (!isObject(batch) || typeof batch.rule !== 'string' || !Array.isArray(batch.reactions))
    throw new Error('expected {rule, bundle, reactions}')
  const { rule, bundle, policy } = batch
  const reactions = batch.reactions as Reaction[]
  for (const reaction of reactions) {
    if (!Array.isArray(reaction?.actions) || typeof reaction.event?.id !== 'string')
      throw new Error('expected reactions of {event, actions}')
    reaction.rule = rule
    reaction.bundle = bundle
    if (policy) reaction.policy = policy
  }
  return reactions
}

function reading<T>(message: JsMsg, log: Log, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    log.error(
      { subject: message.subject, seq: message.seq, error: errorMessage(error) },
      'a message in the stream of reactions is malformed and dropped',
    )
    return undefined
  }
}
