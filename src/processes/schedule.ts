// The schedule worker: hands each due slot of the master's schedule to the job workers, once in the whole cluster.
import { hostname } from 'node:os'
import type { Log } from '../base/log.ts'
import { openLeases } from '../bus/lease.ts'
import type { Config } from '../config/schema.ts'
import { followLedger } from '../jobs/follow-ledger.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { scheduleSource } from '../metrics/schedule.ts'
import { createOverflow } from '../payload/overflow.ts'
import { newEventId } from '../protocol/event.ts'
import { streamNames } from '../protocol/streams.ts'
import { createBook } from '../schedule/book.ts'
import { openCallable } from '../schedule/callable.ts'
import { createCallOf } from '../schedule/calls.ts'
import { createAsk, serveSchedule } from '../schedule/control.ts'
import { endsIn, type FollowEnds } from '../schedule/ends.ts'
import { createHandOver } from '../schedule/hand-over.ts'
import { createScheduleStats } from '../schedule/stats.ts'
import { openScheduleStore } from '../schedule/store.ts'
import { startWorker } from '../schedule/worker.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'

export async function startScheduleWorker(config: Config, log: Log): Promise<Monitored> {
  // Without entries there is nothing to look up.
  const functions = Object.keys(config.schedule).length > 0 ? await openCallable(config.module_dirs, log) : undefined
  return startCore(config, '_schedule', log, async ({ stack, nc, subjects, publisher, fire, clock, metrics }) => {
    const { namespace: ns, streams } = config
    const holder = newEventId()
    const followEnds: FollowEnds = (sinceMs, onEnd) =>
      followLedger(nc, streamNames(ns).done, sinceMs, log, message => {
        for (const { name, slot } of endsIn(message.string())) onEnd(name, slot)
      })
    const stats = createScheduleStats()
    // Read before the lease is there: thousands of entries take seconds, in which none could be renewed.
    const book = createBook(createCallOf(functions))
    book.give('config', config.schedule)
    book.entries()
    const overflow = createOverflow(await openPayloads(nc, config))
    const worker = stack.add(
      startWorker({
        leases: await openLeases(nc, ns, streams.replicas, `${hostname()}:${process.pid}`, log),
        store: await openScheduleStore(nc, ns, streams.replicas, publisher, log),
        serve: leader => serveSchedule(nc, subjects, { ask: createAsk(leader), holder, overflow, log }),
        book,
        lookEveryMs: config.loop_interval,
        keepMs: keepWorkMs(config),
        handOver: createHandOver(subjects, publisher),
        followEnds,
        fire,
        clock,
        stats,
        log,
      }),
    )
    metrics.add(scheduleSource(stats, worker))
  })
}
