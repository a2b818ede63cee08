// What the leader answers about its schedule. Every schedule worker that leads, or thinks so, hears a request; one that does not
// lead any more refuses it, and who asked asks again.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { parseJson } from '../bus/request.ts'
import { type Overflow, serve } from '../bus/serve.ts'
import {
  type Coming,
  type EntryView,
  SCHEDULE_OPERATIONS,
  type ScheduleOperation,
  type ScheduleView,
} from '../protocol/schedule.ts'
import type { Subjects } from '../protocol/subject.ts'
import { comingSlots } from './coming.ts'
import type { Leader } from './leader.ts'
import { createOperations } from './operate.ts'
import { isOver } from './timetable.ts'

export type Ask = (operation: ScheduleOperation, args: unknown[]) => Promise<unknown>

/** Throws `unreachable` where it does not lead, `bad_argument`, and what the operation throws. */
export function createAsk(leader: Leader): Ask {
  const { book, scheduler } = leader
  const operations = createOperations({
    book,
    scheduler,
    keep: leader.keepChange,
    saved: () => leader.changes,
    apply: leader.apply,
    now: leader.now,
    who: 'master',
    place: 'master',
  })

  const viewOf = (name: string): EntryView => {
    const { source, entry } = book.entries().get(name)!
    const next = scheduler.next(name)
    const kept = scheduler.kept(name)
    const { ran, running = [], skipped } = kept ?? {}
    return {
      name,
      source,
      item: operations.is_enabled(name) as Record<string, unknown>,
      enabled: entry.enabled,
      zone: entry.zone,
      ...(next === undefined ? {} : { next }),
      ...(kept && isOver(entry, kept) ? { over: true } : {}),
      ...(ran ? { ran } : {}),
      running,
      ...(skipped ? { skipped: { ...skipped, over: skipped.over === true } } : {}),
    }
  }
  const views = {
    /** Throws `not_found`. */
    status(name?: string): ScheduleView {
      const refused = [...book.refused()].filter(one => name === undefined || one.name === name)
      if (name !== undefined && !book.entries().has(name) && refused.length === 0)
        throw new ReactorError('not_found', `no schedule entry '${name}'.${operations.didYouMean(name)}`)
      const names = [...book.entries().keys()].filter(one => name === undefined || one === name)
      return { enabled: book.settings().enabled, entries: names.map(viewOf), refused }
    },
    coming(limit: number, name?: string): Coming[] {
      if (!book.settings().enabled) return []
      const entries = [...book.entries().values()].flatMap(({ entry }) =>
        name === undefined || entry.name === name ? [entry] : [],
      )
      return comingSlots(entries, scheduler.kept, 'master', limit).map(({ entry, due, skipped }) => ({
        name: entry.name,
        at: due,
        function: entry.item.function,
        ...(entry.item.tgt === undefined ? {} : { tgt: entry.item.tgt }),
        ...(skipped ? { skipped } : {}),
      }))
    },
  }
  const all = { ...operations, ...views } as unknown as Record<ScheduleOperation, (...args: unknown[]) => unknown>

  return async (operation, args) => {
    if (!leader.leads())
      throw new ReactorError('unreachable', 'this schedule worker does not lead any more; another will in seconds')
    return all[operation](...args)
  }
}

/** `holder`: names this process among those that serve it. */
export function serveSchedule(
  nc: NatsConnection,
  subjects: Subjects,
  { ask, holder, overflow, log }: { ask: Ask; holder: string; overflow?: Overflow; log: Log },
): Promise<Running> {
  return serve(nc, {
    name: `${subjects.ns}-schedule`,
    description: "the master's schedule: {operation, args}",
    // One that is paused takes its requests with it: each has all of them.
    queue: `${subjects.ns}-schedule-${holder}`,
    ...(overflow ? { overflow } : {}),
    log,
    endpoints: [
      {
        name: 'schedule',
        subject: subjects.schedule,
        async handle(request) {
          const { operation, args } = readRequest(request.string())
          return ask(operation, args)
        },
      },
    ],
  })
}

function readRequest(text: string): { operation: ScheduleOperation; args: unknown[] } {
  const body = parseJson(text || 'null')
  if (isObject(body) && Array.isArray(body.args) && SCHEDULE_OPERATIONS.some(one => one === body.operation)) {
    // JSON has null in the place of an argument that is not given.
    const args = body.args.map(one => one ?? undefined)
    return { operation: body.operation as ScheduleOperation, args }
  }
  throw new ReactorError('bad_argument', `schedule: expected {operation, args}, got ${text.slice(0, 100)}`)
}
