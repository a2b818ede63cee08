// States `schedule`: entries of the minion's own schedule, kept as a state file says. Entries of the pillar are changed there.
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { state } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { ScheduleAnswer } from '../functions/schedule-operations.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'
import { tell } from '../minion/schedule-answers.ts'

const name = z.string().min(1).describe('the name of the entry')
const persist = z.boolean().default(true).describe('keep it over restarts of the minion')
/** What runs later has no event any more that it could be held against. */
const entry = fixed('an entry of the schedule, which runs later by itself')

export const present = state({
  doc: `An entry is in the schedule and is as given: options that are not given here go. docs/schedules.md has all of them.
    Example:
      keep the resource:
        schedule.present:
          - function: state.sls
          - job_args: [resource]
          - seconds: 5
          - splay: 2`,
  args: { name, persist },
  extra: 'item',
  guards: { name: entry, item: entry },
  idempotent: true,
  async run({ name, persist, item }, context) {
    const { schedule, test } = context
    const now = schedule.item(name)
    if (!now) {
      const answer = await schedule.add(name, item, { persist, test })
      return told('add', answer, `Adding new job ${name} to schedule`, { [name]: 'added' }, context)
    }
    if (isDeepStrictEqual(now, schedule.build_schedule_item(name, item)))
      return unchanged(`Job ${name} in correct state`)
    const answer = await schedule.modify(name, item, { persist, test, whole: true })
    return told('modify', answer, `Modifying job ${name} in schedule`, { [name]: 'modified' }, context)
  },
})

export const absent = state({
  doc: `There is no entry of that name.
    Example:
      job1:
        schedule.absent: []`,
  args: { name, persist },
  guards: { name: entry },
  idempotent: true,
  async run({ name, persist }, context) {
    const { schedule, test } = context
    if (!schedule.item(name)) return unchanged(`Job ${name} not present in schedule`)
    const answer = await schedule.delete(name, { persist, test })
    return told('delete', answer, `Removed job ${name} from schedule`, { [name]: 'removed' }, context)
  },
})

export const enabled = state({
  doc: `An entry is enabled. It fails where there is none.
    Example:
      job1:
        schedule.enabled: []`,
  args: { name, persist },
  guards: { name: entry },
  idempotent: true,
  async run({ name, persist }, context) {
    const { schedule, test } = context
    const now = schedule.item(name)
    if (!now) return failed(`Job ${name} not present in schedule`)
    if (now.enabled !== false) return unchanged(`Job ${name} is enabled already`)
    const answer = await schedule.enable_job(name, { persist, test })
    return told('enabled_job', answer, `Enabled job ${name} from schedule`, { [name]: 'enabled' }, context)
  },
})

export const disabled = state({
  doc: `An entry is disabled, or not there: it does not run.
    Example:
      job1:
        schedule.disabled: []`,
  args: { name, persist },
  guards: { name: entry },
  idempotent: true,
  async run({ name, persist }, context) {
    const { schedule, test } = context
    const now = schedule.item(name)
    if (!now) return unchanged(`Job ${name} not present in schedule`)
    if (now.enabled === false) return unchanged(`Job ${name} is disabled already`)
    const answer = await schedule.disable_job(name, { persist, test })
    return told('disabled_job', answer, `Disabled job ${name} from schedule`, { [name]: 'disabled' }, context)
  },
})

/** What became of a change, which is an event as any change of the schedule is. */
async function told(
  what: string,
  { result, comment, changes }: ScheduleAnswer,
  done: string,
  would: Record<string, string>,
  context: StateContext,
): Promise<StateReturn> {
  const said = [comment].flat().join('\n')
  if (!result) return failed(said)
  if (context.test) return wouldChange(said, would)
  await tell(context, what, changes ?? would)
  return changed(done, changes ?? would)
}
