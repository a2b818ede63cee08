// Puts reactions under the event that caused them: keeps those whose event is still to come, lets go those of events
// that are not shown, and names the event where others have been printed since. Bounded memory.
import { attemptKey, workKey } from '../protocol/reaction.ts'
import type { SeenDecision, SeenSuppression } from './decision.ts'

export interface Threaded {
  decision: SeenDecision
  /** The event to name, where the line does not stand right under it. */
  of?: { id: string; tag?: string }
}

export interface ThreadParts {
  /** For an event that passed before the tail began, or was let go since: would it have been shown? */
  wouldShow(event: { tag?: string; origin?: string }): boolean
  show(threaded: Threaded): void
}

export interface Thread {
  /** An event line was printed. */
  eventShown(id: string, tag: string): void
  /** Everything stored up to `seq` has been shown or passed over; undefined while that is not known. */
  passed(seq: number | undefined): void
  decision(seen: SeenDecision): void
}

const MAX_SHOWN = 5000
const MAX_HELD = 2000

export function createThread({ wouldShow, show }: ThreadParts): Thread {
  /** Events that were printed, oldest first. */
  const shown = new Map<string, string>()
  /** Decisions on events that have not come by yet. */
  const held = new Map<string, { seq: number; decisions: SeenDecision[] }>()
  const told = new Set<string>()
  /** Where the tail began: what lies before it was never seen here. */
  let begin: number | undefined
  let position: number | undefined
  let nextHeld = Number.POSITIVE_INFINITY
  let last: string | undefined

  const settle = (seen: SeenDecision, early = false) => {
    const { id } = seen.event
    const tag = shown.get(id)
    if (tag === undefined && !isWantedUnseen(seen, early)) return
    const key = `${endOf(seen)} ${attemptKey(workKey(id, seen.rule), attemptOf(seen))}`
    if (told.has(key)) return
    remember(told, key, MAX_SHOWN)
    const name = tag ?? ('tag' in seen.event ? seen.event.tag : undefined)
    show(
      last === id ? { decision: seen } : { decision: seen, of: { id, ...(name === undefined ? {} : { tag: name }) } },
    )
  }
  /** Of many events: about those that are shown, or would have been. */
  const suppressed = (seen: SeenSuppression) => {
    const events = seen.events.filter(({ id, tag }) => shown.has(id) || wouldShow({ tag }))
    const event = events.at(-1)
    if (!event) return
    const key = `suppressed ${workKey(event.id, seen.rule)}`
    if (told.has(key)) return
    remember(told, key, MAX_SHOWN)
    const decision = { ...seen, event, events }
    show(events.length > 1 || last === event.id ? { decision } : { decision, of: event })
  }
  const isWantedUnseen = ({ event }: SeenDecision, early: boolean) => {
    if (!('seq' in event)) return wouldShow('tag' in event && event.tag !== undefined ? { tag: event.tag } : {})
    return (early || begin === undefined || event.seq <= begin) && wouldShow(event)
  }
  const release = () => {
    nextHeld = Number.POSITIVE_INFINITY
    for (const [id, { seq, decisions }] of held) {
      if (position !== undefined && seq > position) nextHeld = Math.min(nextHeld, seq)
      else {
        held.delete(id)
        for (const seen of decisions) settle(seen)
      }
    }
  }

  return {
    eventShown(id, tag) {
      shown.delete(id)
      shown.set(id, tag)
      if (shown.size > MAX_SHOWN) shown.delete(shown.keys().next().value!)
      last = id
    },
    passed(seq) {
      begin ??= seq
      position = seq
      if (held.size > 0 && (seq === undefined || seq >= nextHeld)) release()
    },
    decision(seen) {
      const { event } = seen
      if (seen.state === 'suppressed' && seen.events.length > 1) return suppressed(seen)
      const waiting = held.get(event.id)
      if (waiting) waiting.decisions.push(seen)
      else if ('seq' in event && position !== undefined && event.seq > position) {
        if (held.size >= MAX_HELD) return settle(seen, true)
        held.set(event.id, { seq: event.seq, decisions: [seen] })
        nextHeld = Math.min(nextHeld, event.seq)
      } else settle(seen)
    },
  }
}

/** A reaction that is parked is told twice, by the stream of what is parked and by the ledger; it is shown once. */
const endOf = (seen: SeenDecision) =>
  seen.state === 'ended' ? `${seen.decision.state}${seen.decision.by === undefined ? '' : ' by'}` : seen.state

function attemptOf(seen: SeenDecision): number {
  if (seen.state === 'suppressed') return 1
  return Number((seen.state === 'ended' ? seen.decision.attempt : seen.attempt) ?? 1)
}

function remember(set: Set<string>, key: string, most: number): void {
  set.add(key)
  if (set.size > most) set.delete(set.values().next().value!)
}
