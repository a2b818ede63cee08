// What waits in the streams REACTIONS and PARKED, read without taking it: what is to be executed, waits for its next
// attempt, or for a person.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { lastOn } from '../../bus/last-on.ts'
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
  /** Retries from a sequence on, as many as one look reads; `next`: where the next goes on, 1 after the last. */
  retries(seq: number): Promise<{ retries: StoredReaction[]; next: number }>
  /** The oldest that are not executed yet, retries that are not due among them; at most about `limit`. */
  waiting(rule: string | undefined, limit: number, fits?: (one: StoredReaction) => boolean): Promise<StoredReaction[]>
  /** Which of these keys of the rule are to be executed. `complete`: all that waits was looked at, or all were found. */
  find(rule: string, keys: ReadonlySet<string>): Promise<{ found: Map<string, StoredReaction>; complete: boolean }>
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

  const last = (stream: string, subject: string) => lastOn(jsm, stream, subject, { what: stream })
  /** Reads on until `take` has enough of it. */
  const read = async <T>(
    stream: string,
    subject: string | undefined,
    take: (message: { seq: number; storedMs: number; text: string; schedule: string | undefined }) => T[],
    limit: number,
  ): Promise<{ found: T[]; complete: boolean }> => {
    const found: T[] = []
    let complete = false
    let seq = 1
    for (let looked = 0; looked < MOST_READ && found.length < limit; ) {
      const batch = await readBatch(nc, stream, { seq, ...(subject === undefined ? {} : { subject }) }, AT_ONCE)
      for (const one of batch)
        found.push(
          ...take({ seq: one.seq, storedMs: one.storedMs, text: one.text(), schedule: one.header(SCHEDULE_HEADER) }),
        )
      looked += batch.length
      const end = batch.at(-1)
      complete = !end
      if (!end) break
      seq = end.seq + 1
    }
    return { found: found.slice(0, limit), complete: complete || found.length >= limit }
  }
  // No more than what was looked at: who parks it anew meanwhile must find it there.
  const purge = async (stream: string, filter: string, seq: number) => {
    try {
      await jsm.streams.purge(stream, { filter, seq: seq + 1 })
    } catch (error) {
      throw new ReactorError('unreachable', `${stream} cannot be purged: ${errorMessage(error)}`, {}, error)
    }
  }

  /** Where the reactions of a rule wait to be executed. */
  const lanesOf = (rule: string) =>
    [rule, MIXED].flatMap(name => [subjects.reaction('fast', name), subjects.reaction('slow', name)])

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
    async retries(seq) {
      const batch = await readBatch(nc, reactions, { seq, subject: subjects.reactionRetries() }, AT_ONCE)
      const retries = batch.flatMap(one =>
        reactionsIn({
          ...{ seq: one.seq, storedMs: one.storedMs, text: one.text() },
          schedule: one.header(SCHEDULE_HEADER),
        }),
      )
      const last = batch.at(-1)
      return { retries, next: last ? last.seq + 1 : 1 }
    },
    async waiting(rule, limit, fits = () => true) {
      const filters = rule === undefined ? [undefined] : [...lanesOf(rule), subjects.reactionRetries(rule)]
      const wanted = (one: StoredReaction) => (rule === undefined || one.reaction.rule === rule) && fits(one)
      const found: StoredReaction[] = []
      for (const filter of filters) {
        const take = (message: Read) => reactionsIn(message).filter(wanted)
        found.push(...(await read(reactions, filter, take, limit - found.length)).found)
      }
      return found
    },
    async find(rule, keys) {
      const found = new Map<string, StoredReaction>()
      let complete = true
      for (const filter of lanesOf(rule)) {
        if (found.size === keys.size) return { found, complete: true }
        const isNew = ({ key, reaction }: StoredReaction) => reaction.rule === rule && keys.has(key) && !found.has(key)
        const looked = await read(
          reactions,
          filter,
          message => reactionsIn(message).filter(isNew),
          keys.size - found.size,
        )
        for (const one of looked.found) found.set(one.key, one)
        complete &&= looked.complete
      }
      return { found, complete: complete || found.size === keys.size }
    },
    allParked: async (rule, limit) => (await read(parked, subjects.allParked(rule), parkedIn, limit)).found,
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
