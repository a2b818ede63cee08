// A run of the minion's own schedule whose arguments hold a secret of the pillar. What is told of it is settled as it is taken:
// after a crash its end is told before the pillar is there again.
import type { MinionPillar } from '../functions/minion-data.ts'
import type { JobMessage } from '../protocol/job.ts'

export function shownJob(job: JobMessage, hide: MinionPillar['hide']): JobMessage {
  const { arg, kwarg, scheduled } = job
  if (!scheduled) return job
  const shown = { arg: hide(arg), kwarg: hide(kwarg) }
  const told = scheduled.metadata === undefined ? scheduled : { ...scheduled, metadata: hide(scheduled.metadata) }
  const same = shown.arg === arg && shown.kwarg === kwarg
  return { ...job, scheduled: same ? told : { ...told, shown } }
}
