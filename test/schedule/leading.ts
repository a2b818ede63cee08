// The schedule's leaders on a namespace of their own, for tests: real streams and a real bucket, a lease that the test gives and
// takes, and a clock that it sets.

import { onTestFinished } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createFire } from '../../src/bus/fire.ts'
import { isOvertaken } from '../../src/bus/pub-ack.ts'
import { followLedger } from '../../src/jobs/follow-ledger.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import type { Decision, ReactionBatch } from '../../src/protocol/reaction.ts'
import { slotId } from '../../src/protocol/schedule.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { createBook } from '../../src/schedule/book.ts'
import { callOf } from '../../src/schedule/calls.ts'
import { endsIn } from '../../src/schedule/ends.ts'
import { createHandOver, type HandOver } from '../../src/schedule/hand-over.ts'
import { type Leader, startLeader } from '../../src/schedule/leader.ts'
import { createScheduleStats } from '../../src/schedule/stats.ts'
import { openScheduleStore } from '../../src/schedule/store.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { untilTaken } from '../helpers/wait.ts'

export interface TestClock extends Clock {
  ahead: number
}

export async function openLeading(server: { url: string }) {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const clock: TestClock = { ...systemClock, ahead: 0, now: () => Date.now() + clock.ahead }
  const { log, lines } = keptLog()
  const stats = createScheduleStats()

  const openStore = () => openScheduleStore(nc, ns, 1, publisher, log)
  const lead = async (given: Record<string, unknown>, handOver: HandOver = createHandOver(subjects, publisher)) => {
    const gone = new AbortController()
    const lease = { valid: () => !gone.signal.aborted, lost: gone.signal }
    const book = createBook(callOf)
    book.give('config', given)
    // Refused where one that leads already writes in between; a schedule worker tries again, too.
    const leader = await untilTaken(
      'the lead',
      async () =>
        startLeader({
          lease,
          store: await openStore(),
          book,
          lookEveryMs: 100,
          keepMs: 86_400_000,
          handOver,
          followEnds: (sinceMs, onEnd) =>
            followLedger(nc, streamNames(ns).done, sinceMs, log, message => {
              for (const { name, slot } of endsIn(message.string())) onEnd(name, slot)
            }),
          fire: createFire(publisher, subjects, serviceOrigin('_schedule')),
          clock,
          stats,
          log,
        }),
      isOvertaken,
    )
    onTestFinished(() => leader.stop())
    return Object.assign(leader as Leader, { loseLease: () => gone.abort() })
  }
  /** Names of the slots that were handed over, in their order. */
  const handedOver = async () =>
    (await storedIn<ReactionBatch>(nc, streamNames(ns).reactions)).flatMap(({ body }) =>
      body.reactions.map(({ event }) => event.id),
    )
  const stored = async () => (await openStore()).load()
  /** As a job worker enters it. */
  const end = (name: string, slot: number, state: Decision['state'] = 'done') => {
    const event = slotId(name, slot)
    const rule = `schedule:${name}`
    const decision: Decision = { key: `${event}/${rule}`, rule, event, tag: '', state, ms: 1, jids: [] }
    return publisher.publish(subjects.done('w1'), JSON.stringify({ worker: 'w1', decisions: [decision] }))
  }
  return { ...core, clock, log, lines, stats, lead, handedOver, stored, end }
}

const NOT_YET = new Error('it does not hold yet')

/** What `look` gives, once that is something; what it throws is thrown. */
export async function until<T>(look: () => T | Promise<T>): Promise<Exclude<T, false | null | undefined>> {
  let found: T | undefined
  const again = async () => {
    found = await look()
    if (!found) throw NOT_YET
  }
  await untilTaken(`${look}`, again, error => error === NOT_YET)
  return found as Exclude<T, false | null | undefined>
}
