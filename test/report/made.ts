// Jobs as the job cache tells of them, made for tests.

import { jidTime } from '../../src/protocol/jid.ts'
import type { CachedReturn, JobView } from '../../src/protocol/job-view.ts'
import type { MinionState } from '../../src/protocol/lifecycle.ts'

export const good = (value: unknown): CachedReturn => ({ return: value, retcode: 0, success: true, at: 0 })
export const bad = (value: unknown, retcode: number): CachedReturn => ({
  return: value,
  retcode,
  success: false,
  at: 0,
})

/** A job on the minions of `states`; its counts and its start follow from what is given. */
export function madeJob(jid: string, states: Record<string, MinionState>, more: Partial<JobView> = {}): JobView {
  const counts: JobView['counts'] = {}
  for (const state of Object.values(states)) counts[state] = (counts[state] ?? 0) + 1
  const start = jidTime(jid)
  return {
    jid,
    kind: 'local',
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    tgt_type: 'glob',
    user: 'root',
    start,
    deadline: start + 300_000,
    run_until: start + 86_400_000,
    minions: Object.keys(states),
    missing: [],
    counts,
    active: Object.values(states).some(state => state === 'accepted' || state === 'running'),
    states,
    reasons: {},
    returns: {},
    ...more,
  }
}
