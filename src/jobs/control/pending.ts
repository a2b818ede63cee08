// What waits in the streams REACTIONS and PARKED, read without taking it: what is to be executed, waits for its next
// attempt, or for a person.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isNoMessage } from '../../bus/no-message.ts'
import { readBatch } from '../../bus/read-batch.ts'
import { batchesOf, MIXED, type Parked, type Reaction, workKey } from '../../protocol/reaction.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'

export interface StoredReaction {
  key: string
  reaction: Reaction
  seq: number
  storedMs: number
  /** When it is due; undefined: now. */
  next?: number
  /** Of a retry, as they are stored. */
  headers?: ReadonlyMap<string, string>
}

export interface StoredParked {
  parked: Parked
  seq: number
  storedMs: number
}

export interface Pending {
  parked(event: string, rule: string): Promise<StoredParked | undefined>
  /** The next attempt of a reaction that failed, while it is not due. */
  retry(event: string, rule: string): Promise<StoredReaction | undefined>
  /** The oldest that are not executed yet, retries that are not due among them; at most about `limit`. */
  waiting(rule: string | undefined, limit: number, fits?: (one: StoredReaction) => boolean): Promise<StoredReaction[]>
  allParked(rule: string | undefined, limit: number): Promise<StoredParked[]>
  purgeParked(found: StoredParked): Promise<void>
  purgeRetry(found: StoredReaction): Promise<void>
}

/** Messages that one look at a stream reads at most: it may hold hundreds of thousands. */
const MOST_READ = 20_000
const AT_ONCE = { messages: 500, bytes: 4 * 1024 * 1024 }
export const SCHEDULE_HEADER = 'Nats-Schedule'

export async function openPending(nc: NatsConnection, subjects: Subjects): Promise<Pending> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { reactions, parked } = streamNames(subjects.ns)

  const last = async (stream: string, subject: string) => {
    try {
      return (await jsm.streams.getMessage(stream, { last_by_subj: subject })) ?? undefined
    } catch (error) {
      if (isNoMessage(error)) return undefined
      throw new ReactorError('unreachable', `${stream} cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }
  /** Reads on until `take` has enough of it. */
  const read = async <T>(
    stream: string,
    subject: string | undefined,
    take: (message: { seq: number; storedMs: number; text: string; schedule: string | undefined }) => T[],
    limit: number,
  ): Promise<T[]> => {
    const found: T[] = []
    let seq = 1
    for (let looked = 0; looked < MOST_READ && found.length < limit; ) {
      const batch = await readBatch(nc, stream, { seq, ...(subject === undefined ? {} : { subject }) }, AT_ONCE)
      for (const one of batch)
        found.push(
          ...take({ seq: one.seq, storedMs: one.storedMs, text: one.text(), schedule: one.header(SCHEDULE_HEADER) }),
        )
      looked += batch.length
      const end = batch.at(-1)
      if (!end) break
      seq = end.seq + 1
    }
    return found.slice(0, limit)
  }
  // No more than what was looked at: who parks it anew meanwhile must find it there.
  const purge = async (stream: string, filter: string, seq: number) => {
    await jsm.streams.purge(stream, { filter, seq: seq + 1 })
  }

  return {
    async parked(event, rule) {
      const message = await last(parked, subjects.parked(event, rule))
      if (!message) return undefined
      return { parked: message.json<Parked>(), seq: message.seq, storedMs: message.time.getTime() }
    },
    async retry(event, rule) {
      const message = await last(reactions, subjects.reactionRetry(event, rule))
      if (!message) return undefined
      const headers = new Map<string, string>()
      for (const name of message.header?.keys() ?? []) headers.set(name, message.header.get(name))
      const schedule = headers.get(SCHEDULE_HEADER)
      const stored = { seq: message.seq, storedMs: message.time.getTime(), text: message.string(), schedule }
      const one = reactionsIn(stored).find(({ key }) => key === workKey(event, rule))
      return one && { ...one, headers }
    },
    async waiting(rule, limit, fits = () => true) {
      const filters =
        rule === undefined
          ? [undefined]
          : [rule, MIXED]
              .flatMap(name => [subjects.reaction('fast', name), subjects.reaction('slow', name)])
              .concat(subjects.reactionRetries(rule))
      const wanted = (one: StoredReaction) => (rule === undefined || one.reaction.rule === rule) && fits(one)
      const found: StoredReaction[] = []
      for (const filter of filters)
        found.push(
          ...(await read(reactions, filter, message => reactionsIn(message).filter(wanted), limit - found.length)),
        )
      return found
    },
    allParked: (rule, limit) => read(parked, subjects.allParked(rule), parkedIn, limit),
    purgeParked: ({ parked: { reaction }, seq }) =>
      purge(parked, subjects.parked(reaction.event.id, reaction.rule), seq),
    purgeRetry: ({ reaction: { event, rule }, seq }) => purge(reactions, subjects.reactionRetry(event.id, rule), seq),
  }
}

interface Read {
  seq: number
  storedMs: number
  text: string
  schedule: string | undefined
}

/** None in what is no batch of reactions. */
function reactionsIn({ seq, storedMs, text, schedule }: Read): StoredReaction[] {
  const due = schedule === undefined ? Number.NaN : Date.parse(schedule.replace(/^@at /, ''))
  return batchesOf(parsed(text))
    .filter(batch => typeof batch?.rule === 'string' && Array.isArray(batch.reactions))
    .flatMap(({ reactions, ...common }) => reactions.map(one => ({ ...common, ...one })))
    .filter(({ event, actions }) => typeof event?.id === 'string' && Array.isArray(actions))
    .map(reaction => ({
      key: workKey(reaction.event.id, reaction.rule),
      reaction,
      ...{ seq, storedMs },
      ...(Number.isNaN(due) ? {} : { next: due }),
    }))
}

function parkedIn({ seq, storedMs, text }: Read): StoredParked[] {
  const body = parsed(text) as Partial<Parked> | null | undefined
  if (typeof body?.key !== 'string' || typeof body.reaction?.event?.id !== 'string') return []
  return [{ parked: body as Parked, seq, storedMs }]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
