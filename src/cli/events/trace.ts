// One stored event, what caused it, and what it caused: by the causes that events name, over the jobs in between.
import { ReactorError } from '../../base/errors.ts'
import type { SeenEvent } from '../../cache/history.ts'
import type { AskHistory } from '../../tail/history.ts'
import { type Range, storedEvents, storedEventsBackwards } from '../../tail/stored.ts'

export interface Traced {
  event: SeenEvent
  /** From the first cause that was found on. */
  causes: SeenEvent[]
  /** The cause of the first of them that was not found. */
  unfound?: string
  /** What it caused, and what that caused, in order. */
  caused: SeenEvent[]
  /** Not all that was stored after it was looked at. */
  more: boolean
}

/** Stored events that are looked at before an event and after it. */
const BEFORE = 50_000
const AFTER = 20_000
const MOST_CAUSED = 200

/** The event with that id, or with that number in the store. Throws `not_found`. */
export async function findEvent(ask: AskHistory, range: Range, name: string): Promise<SeenEvent> {
  const seq = numberOf(name)
  if (seq !== undefined) {
    const [event] = (await ask({ after_seq: seq - 1, limit: 1 })).events
    if (event?.seq === seq && (/^\d/.test(name) || event.id === name)) return event
    throw notFound(name)
  }
  for await (const run of storedEventsBackwards(ask, range)) {
    const event = run.find(({ id }) => id === name)
    if (event) return event
  }
  throw notFound(name)
}

/** Of a number, and of the id of an event whose sender gave it none: that has its number in it. */
function numberOf(name: string): number | undefined {
  const [, digits, inId] = /^(?:(\d+)|seq-(\d+)-\d+)$/.exec(name) ?? []
  const seq = Number(digits ?? inId)
  return Number.isSafeInteger(seq) && seq > 0 ? seq : undefined
}

const notFound = (name: string): ReactorError =>
  new ReactorError(
    'not_found',
    `no stored event has the id or number '${name.slice(0, 128)}': there was none, it is older than events are kept, or your roles do not let you read it`,
  )

/** What the event names as its cause, and so on; and what names it. Throws what history answers. */
export async function traceEvent(ask: AskHistory, { from, to }: Range, event: SeenEvent): Promise<Traced> {
  const { causes, unfound } = await causesOf(
    ask,
    { from: Math.max(from, event.seq - BEFORE), to: event.seq - 1 },
    event,
  )
  const end = Math.min(to, event.seq + AFTER)
  const { caused, full } = await causedBy(ask, { from: event.seq + 1, to: end }, event)
  return { event, causes, ...(unfound === undefined ? {} : { unfound }), caused, more: full || end < to }
}

async function causesOf(ask: AskHistory, range: Range, event: SeenEvent) {
  const causes: SeenEvent[] = []
  let wanted = event.cause
  if (wanted !== undefined)
    for await (const run of storedEventsBackwards(ask, range)) {
      // A cause lies before what it caused: one way through them finds all.
      for (const one of run.reverse()) {
        if (wanted === undefined) break
        if (one.id !== wanted && jobOf(one) !== wanted) continue
        causes.unshift(one)
        wanted = one.cause
      }
      if (wanted === undefined) break
    }
  return { causes, unfound: wanted }
}

async function causedBy(ask: AskHistory, range: Range, event: SeenEvent) {
  const caused: SeenEvent[] = []
  const names = new Set([event.id, jobOf(event)])
  names.delete(undefined)
  for await (const events of storedEvents(ask, range))
    for (const one of events) {
      if (one.cause === undefined || !names.has(one.cause)) continue
      if (caused.length >= MOST_CAUSED) return { caused, full: true }
      caused.push(one)
      names.add(one.id)
      const jid = jobOf(one)
      if (jid !== undefined) names.add(jid)
    }
  return { caused, full: false }
}

/** The job that an event begins: what comes of it names its jid as cause. */
const jobOf = ({ tag, origin }: SeenEvent): string | undefined =>
  origin.startsWith('_') ? /^salt\/(?:job|run|wheel)\/(\d{20})\/new$/.exec(tag)?.[1] : undefined
