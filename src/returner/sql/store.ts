// A returner that keeps jobs, returns and events in SQL tables: each method is tried again where others were at the same rows, or
// where the tables have changed since it last looked.
import { systemClock } from '../../base/clock.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isRefused, type ReturnerContext, type ReturnerStore, refused } from '../../functions/define-returner.ts'
import { cleanEvents, cleanJobs } from './clean.ts'
import type { Database } from './dialect.ts'
import { createLayout, type Layout } from './layout.ts'
import { createReader } from './read.ts'
import { saveEvents, saveLoads, saveReturns, updateEndtimes } from './write.ts'

/** Milliseconds, at most, before what met others is tried again. */
const AGAIN_MS = 50
const MOST_LOOKS = 3

export function createSqlStore(
  db: Database,
  { log, id }: Pick<ReturnerContext, 'log' | 'id'>,
): Required<ReturnerStore> {
  const layout = createLayout(db)
  const reader = createReader(db, log)

  async function attempt<T>(work: (layout: Layout) => Promise<T>): Promise<T> {
    const until = systemClock.now() + db.timeoutMs
    for (let looks = 0; ; ) {
      try {
        return await work(layout)
      } catch (error) {
        const verdict = db.dialect.judge(error)
        if (verdict === 'conflict' && systemClock.now() < until) await systemClock.sleep(Math.random() * AGAIN_MS)
        else if (verdict === 'shape' && looks < MOST_LOOKS) {
          // While the tables are changed what was looked at may be over again.
          if (++looks > 1) await systemClock.sleep(Math.random() * AGAIN_MS)
          layout.forget()
        } else throw explained(error)
      }
    }
  }

  function explained(error: unknown): ReactorError {
    // The room for a record may be larger the next time.
    if (isRefused(error)) layout.forget()
    if (error instanceof ReactorError) return error
    const message = `${db.where}: ${errorMessage(error)}`
    // Again, and after another look: a unique key that this program did not make takes two records for one.
    if (['refused', 'shape'].includes(db.dialect.judge(error))) return refused(message, error)
    return new ReactorError('unreachable', message, {}, error)
  }

  async function inSteps(step: (layout: Layout) => Promise<number>): Promise<number> {
    let all = 0
    for (;;) {
      const some = await attempt(step)
      if (some === 0) return all
      all += some
    }
  }

  const unlessNone = <T>(all: readonly T[], work: (layout: Layout) => Promise<void>): Promise<void> =>
    all.length === 0 ? Promise.resolve() : attempt(work)

  return {
    save_load: loads => unlessNone(loads, now => saveLoads(db, now, loads)),
    returner: returns => unlessNone(returns, now => saveReturns(db, now, returns, log)),
    update_endtime: ends => unlessNone(ends, now => updateEndtimes(db, now, ends)),
    event_return: events => unlessNone(events, now => saveEvents(db, now, events, id)),
    get_load: jid => attempt(now => reader.get_load(now, jid)),
    get_jid: (jid, limits) => attempt(now => reader.get_jid(now, jid, limits)),
    get_jid_minions: jid => attempt(now => reader.get_jid_minions(now, jid)),
    get_jids: () => attempt(now => reader.get_jids(now)),
    get_jids_filter: filter => attempt(now => reader.get_jids_filter(now, filter)),
    get_fun: fun => attempt(now => reader.get_fun(now, fun)),
    get_minions: () => attempt(now => reader.get_minions(now)),
    async clean_old_jobs(beforeMs) {
      const jobs = await inSteps(now => cleanJobs(db, now, beforeMs))
      await inSteps(() => cleanEvents(db, beforeMs))
      return jobs
    },
    close: () => db.close(),
  }
}
