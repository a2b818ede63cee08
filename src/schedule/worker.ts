// Hands each due slot to the job workers as one reaction. Several schedule workers hand over the same slot under the same
// work key: the stream refuses the second message within its window, and the ledger refuses the second run for good.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Publisher } from '../bus/publish.ts'
import { type ReactionBatch, workKey } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import { type Entry, nextDue } from './entry.ts'

export interface ScheduleParts {
  entries: readonly Entry[]
  subjects: Subjects
  publisher: Publisher
  clock: Clock
  log: Log
}

/** A timer does not hear of a clock that is set, or of a machine that slept. */
const LOOK_EVERY_MS = 30_000

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

  const run = async (entry: Entry) => {
    let last = Number.NEGATIVE_INFINITY
    for (;;) {
      // From the last slot where the clock was set back behind it: no slot is handed over twice.
      const due = nextDue(entry, Math.max(clock.now(), last))
      // A timer may fire a moment early, and the clock may be set while it runs: it is looked at again and again, and where it
      // is set back by hours the entry goes on at its interval all the same.
      for (let left = entry.intervalMs; left > 0 && clock.now() < due; ) {
        const wait = Math.min(left, due - clock.now(), LOOK_EVERY_MS)
        await clock.sleep(wait, stopping.signal)
        left -= wait
      }
      last = due
      const count = counts.get(entry.name)!
      await handOver(entry, due).then(
        () => {
          count.handed_over += 1
        },
        error => {
          count.failed += 1
          log.error({ entry: entry.name, error: errorMessage(error) }, 'a due entry could not be handed over')
        },
      )
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
