// What the reactor itself enters in the ledger: matches that ask for nothing (throttle, window, loop, shadow, off), and
// reactions that it parked. All of one turn of the event loop is one message.
import { cut } from '../base/text.ts'
import type { Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import type { Decision, DecisionBatch, Suppression, SuppressionReason } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createBatches } from './batches.ts'
import { STORE_WITHIN_MS } from './hand-over.ts'

export interface Suppressions {
  /**
   * Resolves once it is stored; rejects with `store_refused` or `unreachable`. `detail`: of `loop` the names of its cycle,
   * joined by commas; of `shadow` what would have been done.
   */
  add(
    rule: string,
    reason: SuppressionReason,
    bundle: string,
    event: { id: string; tag: string },
    detail?: string,
  ): Promise<void>
  /** Resolves once it is stored: of a reaction that could not be rendered, and is parked. */
  record(decision: Decision): Promise<void>
  /** Suppressions stored since the start, by rule and reason, and those whose ack is awaited. */
  stats(): { suppressed: ReadonlyMap<string, ReadonlyMap<SuppressionReason, number>>; inFlight: number }
}

interface Match {
  rule: string
  reason: SuppressionReason
  bundle: string
  event: { id: string; tag: string }
  detail: string | undefined
}

const LIMITS = { items: 500, bytes: 256 * 1024 }
/** Characters of a detail; what an event brought may be long. */
const MAX_DETAIL = 500
/** JSON around an id and a tag. */
const AROUND_BYTES = 40

/** `worker`: who writes, the last token of the subject in DONE. */
export function createSuppressions(publisher: Publisher, subjects: Subjects, worker: string): Suppressions {
  const subject = subjects.done(worker)
  const suppressed = new Map<string, Map<SuppressionReason, number>>()
  let inFlight = 0

  const batches = createBatches<Match | Decision>(LIMITS, async items => {
    const matches = items.filter(isMatch)
    const decisions = items.filter((item): item is Decision => !isMatch(item))
    const body: DecisionBatch = {
      worker,
      decisions,
      ...(matches.length > 0 ? { suppressed: grouped(matches) } : {}),
    }
    await publisher.publish(subject, JSON.stringify(body), { id: newEventId(), deadlineMs: STORE_WITHIN_MS })
    for (const { rule, reason } of matches) {
      const reasons = suppressed.get(rule) ?? new Map<SuppressionReason, number>()
      suppressed.set(rule, reasons.set(reason, (reasons.get(reason) ?? 0) + 1))
    }
  })

  const entered = async (item: Match | Decision, bytes: number) => {
    inFlight += 1
    try {
      await batches.add(item, bytes)
    } finally {
      inFlight -= 1
    }
  }

  return {
    add(rule, reason, bundle, { id, tag }, detail) {
      const text = reason !== 'loop' && detail !== undefined ? cut(detail, MAX_DETAIL) : detail
      // Three bytes a character at most, where a tag or a detail is not plain.
      const bytes = AROUND_BYTES + id.length + 3 * (tag.length + (text?.length ?? 0))
      return entered({ rule, reason, bundle, event: { id, tag }, detail: text }, bytes)
    },
    record: decision => entered(decision, JSON.stringify(decision).length),
    stats: () => ({ suppressed, inFlight }),
  }
}

const isMatch = (item: Match | Decision): item is Match => 'bundle' in item

/** In the order of their first match. */
function grouped(matches: readonly Match[]): Suppression[] {
  const groups = new Map<string, Suppression>()
  for (const { rule, reason, bundle, event, detail } of matches) {
    const cycle = reason === 'loop' ? (detail ?? '') : ''
    const key = `${rule}\n${reason}\n${bundle}\n${cycle}`
    let group = groups.get(key)
    if (!group) {
      group = { rule, reason, bundle, events: [] }
      if (reason === 'loop' && detail) group.details = detail.split(',')
      groups.set(key, group)
    }
    group.events.push(event)
    if (reason !== 'loop' && detail !== undefined) {
      // One text an event, the same place in both lists.
      group.details ??= group.events.slice(1).map(() => '')
      group.details.push(detail)
    } else if (reason !== 'loop') group.details?.push('')
  }
  return [...groups.values()]
}
