// Hands each due slot to the job workers as one reaction. Several schedule workers hand over the same slot under the same
// work key: the stream refuses the second message within its window, and the ledger refuses the second run for good.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Publisher } from '../bus/publish.ts'
import { formatStamp } from '../protocol/event.ts'
import { type ReactionBatch, workKey } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import { type Entry, nextDue } from './old-entry.ts'

export interface ScheduleParts {
  entries: readonly Entry[]
  subjects: Subjects
  publisher: Publisher
  clock: Clock
  log: Log
}

/** A timer does not hear of a clock that is set, or of a machine that slept. */
const LOOK_EVERY_MS = 30_000

/** Between tries to hand over a slot. */
const SHORTEST_MS = 500
const LONGEST_MS = 15_000

/** `schedule:<name>`: how an entry is called where rules have their names. */
export const ruleOf = ({ name }: Entry): string => `schedule:${name}`

/** Slots since the start, by entry. */
export interface SlotCounts {
  handed_over: number
  failed: number
}

export function startSchedule({
  entries,
  subjects,
  publisher,
  clock,
  log,
}: ScheduleParts): Running & { stats(): ReadonlyMap<string, SlotCounts> } {
  const counts = new Map(entries.map(({ name }): [string, SlotCounts] => [name, { handed_over: 0, failed: 0 }]))
  const stopping = new AbortController()

  const handOver = async (entry: Entry, due: number) => {
    const rule = ruleOf(entry)
    const slot = `${entry.name}@${new Date(due).toISOString()}`
    const event = { id: slot, tag: '', origin: '_schedule', seq: 0, storedMs: due, hops: 0 }
    const batch: ReactionBatch = { rule, bundle: '', reactions: [{ event, actions: [entry.action] }] }
    await publisher.publish(subjects.reaction('fast', rule), JSON.stringify(batch), { id: workKey(slot, rule) })
  }

  /** Until it is handed over, or the next slot is due: then false. */
  const insist = async (entry: Entry, due: number): Promise<boolean> => {
    const next = nextDue(entry, due)
    // What has been slept counts too: the clock may be set back.
    for (let left = next - due, wait = SHORTEST_MS; ; wait = Math.min(wait * 2, LONGEST_MS)) {
      try {
        await handOver(entry, due)
        return true
      } catch (error) {
        const fields = { entry: entry.name, slot: formatStamp(due), error: errorMessage(error) }
        if (left <= 0 || clock.now() >= next) {
          log.error(fields, 'a due entry could not be handed over')
          return false
        }
        if (wait === SHORTEST_MS) log.warn(fields, 'a due entry cannot be handed over yet; it is tried again')
        await clock.sleep(Math.min(wait, left), stopping.signal)
        left -= wait
      }
    }
  }

  const run = async (entry: Entry) => {
    let last = Number.NEGATIVE_INFINITY
    let lost = false
    for (;;) {
      // From the last slot where the clock was set back behind it: no slot is handed over twice.
      // One that took the time of the next: that is late, and not lost too.
      const from = lost ? clock.now() - entry.intervalMs : clock.now()
      const due = nextDue(entry, Math.max(from, last))
      // A timer may fire a moment early, and the clock may be set while it runs: it is looked at again and again, and where it
      // is set back by hours the entry goes on at its interval all the same.
      const began = clock.now()
      const isSetBack = () => due - began > entry.intervalMs || clock.now() < began
      for (let left = entry.intervalMs; clock.now() < due && (left > 0 || !isSetBack()); ) {
        const wait = Math.min(due - clock.now(), LOOK_EVERY_MS, left > 0 ? left : LOOK_EVERY_MS)
        await clock.sleep(wait, stopping.signal)
        left -= wait
      }
      last = due
      const count = counts.get(entry.name)!
      lost = !(await insist(entry, due))
      if (lost) count.failed += 1
      else count.handed_over += 1
    }
  }
  // The only way out of the loop is the signal.
  const loops = entries.map(entry => run(entry).catch(() => undefined))
  return {
    stats: () => counts,
    async stop() {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}
