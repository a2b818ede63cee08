// Looks up the facts that an event does not carry: the record of its job, and the user's own. Each once for an event,
// however many rules ask, and within its time limit.
import { formatDuration } from '../../base/duration.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { FactDefinition } from '../../functions/define-fact.ts'
import { isJid } from '../../protocol/jid.ts'
import type { JobRecord } from '../../protocol/job.ts'
import { type Facts, type Lookup, ownKey } from '../rules/facts.ts'

/** Each within its time limit. Rejects with `template`, naming the fact that failed. */
export type LookUp = (lookups: readonly Lookup[], facts: Facts) => Promise<Pick<Facts, 'job' | 'own'>>

export interface LookUpParts {
  /** The record of a job; undefined where there is none, or none any more. */
  jobRecord(jid: string): Promise<JobRecord | undefined>
  /** The user's own facts by name. */
  facts: ReadonlyMap<string, FactDefinition>
}

const JOB_MS = 2000
const OF_JOB = /^salt\/(?:job|run)\/(\d{20})\//

/** The jid of the job that an event is about, by its tag. */
export function jidOfTag(tag: string): string | undefined {
  const jid = OF_JOB.exec(tag)?.[1]
  return isJid(jid) ? jid : undefined
}

/** What is looked up is kept for as long as the event's `facts` object lives: the same object is the same event. */
export function createLookUp({ jobRecord, facts: definitions }: LookUpParts): LookUp {
  const known = new WeakMap<Facts, Map<string, Promise<unknown>>>()

  const start = async (lookup: Lookup, facts: Facts): Promise<unknown> => {
    if (lookup.fact === 'job') {
      const jid = jidOfTag(facts.tag)
      return jid === undefined ? undefined : within('job', JOB_MS, () => jobRecord(jid))
    }
    const definition = definitions.get(lookup.fact)
    if (!definition) throw new ReactorError('template', `fact '${lookup.fact}' is not loaded in this reactor`)
    const { tag, data, origin, stamp, minion } = facts
    const event = { tag, data, origin, stamp, ...(minion && { minion }) }
    return within(lookup.fact, definition.timeoutMs, signal => definition.run(event, lookup.params ?? {}, { signal }))
  }

  return async (lookups, facts) => {
    const values = known.get(facts) ?? new Map<string, Promise<unknown>>()
    known.set(facts, values)
    const own: Record<string, unknown> = {}
    let job: unknown
    const waiting = lookups.map(async lookup => {
      const key = ownKey(lookup)
      const started = values.get(key) ?? start(lookup, facts)
      values.set(key, started)
      const value = await started
      if (lookup.fact === 'job') job = value
      else own[key] = value
    })
    await Promise.all(waiting)
    return { own, ...(job !== undefined && { job: job as Record<string, unknown> }) }
  }
}

const LATE = Symbol('late')

async function within(fact: string, ms: number, run: (signal: AbortSignal) => unknown): Promise<unknown> {
  const ended = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>(resolve => {
    timer = setTimeout(resolve, ms, LATE)
  })
  try {
    const value = await Promise.race([run(ended.signal), late])
    if (value !== LATE) return value
  } catch (error) {
    throw new ReactorError('template', `fact '${fact}' failed: ${errorMessage(error)}`, { fact }, error)
  } finally {
    clearTimeout(timer)
    ended.abort()
  }
  throw new ReactorError('template', `fact '${fact}' took longer than ${formatDuration(ms)}`, { fact })
}
