// What became of an action that was started before and whose worker is gone: its return says so, where it came to one.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../../base/errors.ts'
import { lastOn } from '../../bus/last-on.ts'
import { runReturn, wheelReturn } from '../../protocol/catalogue/functions.ts'
import { readContent } from '../../protocol/event.ts'
import { serviceOrigin } from '../../protocol/origin.ts'
import { ACK_WAIT_MS, streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { Ledger } from '../ledger.ts'
import type { InHand } from './in-hand.ts'
import { type InsistParts, insist } from './insist.ts'

/**
 * Of a job: whether it was done, and why not; `settled`: another worker has ended the reaction meanwhile; `elsewhere`: another
 * runs it.
 */
export type Learned =
  | { state: 'done' }
  | { state: 'failed'; reason: string }
  | { state: 'unknown' | 'settled' | 'elsewhere' }
export type LearnOutcome = (kind: 'runner' | 'wheel', job: BegunJob) => Promise<Learned>

export interface BegunJob {
  jid: string
  /** The work that it is of, and the attempt that this is of. */
  work: string
  attempt: string
}

const OF = {
  runner: { origin: '_jobs', event: runReturn },
  wheel: { origin: '_master', event: wheelReturn },
} as const

const LOOK_EVERY_MS = 1000

/**
 * Whoever had it may be alive: it is called unknown where nobody says to have it, at first and after the time that a delivery
 * has, so that one whose link is away is there again.
 */
export async function createLearnOutcome(
  parts: InsistParts & { nc: NatsConnection; subjects: Subjects; ledger: Ledger; inHand: Pick<InHand, 'elsewhere'> },
): Promise<LearnOutcome> {
  const { nc, subjects, ledger, clock, stopping } = parts
  const { events } = streamNames(subjects.ns)
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })

  const returned = async (kind: 'runner' | 'wheel', jid: string): Promise<Learned | undefined> => {
    const { origin, event } = OF[kind]
    const subject = subjects.event(serviceOrigin(origin), event.tag({ jid }))
    const stored = await lastOn(jsm, events, subject, { what: `the return of job ${jid}`, direct: true })
    return stored && readReturn(subjects.eventPrefix, subject, stored.string())
  }

  return async (kind, { jid, work, attempt }) => {
    const ask = () => insist(parts, 'a look for who has a job in hand', () => parts.inHand.elsewhere(work))
    // What it has slept, and not what the clock shows: somebody may set it.
    for (let left = ACK_WAIT_MS; ; left -= LOOK_EVERY_MS) {
      // Before the look: who has let go of it has stored its return.
      if ((left === ACK_WAIT_MS || left <= 0) && (await ask())) return { state: 'elsewhere' }
      const learned = await insist(parts, 'a look for the return of a job', () => returned(kind, jid))
      if (learned) return learned
      if (ledger.has(attempt)) return { state: 'settled' }
      if (left <= 0) return { state: 'unknown' }
      await clock
        .sleep(LOOK_EVERY_MS, stopping)
        .catch(() => Promise.reject(new ReactorError('unreachable', 'the worker stops')))
    }
  }
}

function readReturn(prefix: string, subject: string, body: string): Learned {
  const read = readContent(prefix, { subject, text: () => body, header: () => undefined, storedMs: 0, seq: 0 })
  if (!read.ok) return { state: 'unknown' }
  const { success, return: value, outcome_unknown } = read.content.data
  if (outcome_unknown === true) return { state: 'unknown' }
  return success === true ? { state: 'done' } : { state: 'failed', reason: String(value) }
}
