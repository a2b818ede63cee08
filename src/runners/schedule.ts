// Runner `schedule`: the master's own schedule, with the functions and answers of Salt's module of that name.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { runner } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import type { ScheduleOperation } from '../protocol/schedule.ts'

const MOST_COMING = 1000

const name = z.string().min(1).describe('the name of the entry')
const persist = z
  .boolean()
  .default(true)
  .describe('false: until another schedule worker leads, or this one starts anew')
const test = z.boolean().default(false).describe('only say what would be done')
const time_fmt = z.string().optional().describe('how the times are written, as strptime has it')
const given = fixed('an entry of the schedule, which runs later by itself')
const guards = { name: fixed('the name of a schedule entry') }

const list_ = runner({
  doc: `Lists the entries of the master's schedule as a YAML text, or with return_yaml=False as a map.
    What is wrong with an entry that is not in force stands under '_error'.
    Example: reactor run schedule.list show_disabled=False`,
  args: {
    show_disabled: z.boolean().default(true).describe('also those that are disabled'),
    return_yaml: z.boolean().default(true).describe('as a text'),
    offline: z.boolean().default(false).describe('only those that were added and are kept'),
  },
  idempotent: true,
  run: (options, context) => context.schedule.ask('list', options),
})

export { list_ as list }

export const status = runner({
  doc: `Shows the entries of the master's schedule, or one, with the next run, the last one, what runs, and what was skipped last
    and why; and those that are refused, with the reason. Times are milliseconds since the epoch.
    Example: reactor run schedule.status nightly-report`,
  args: { name: name.optional() },
  idempotent: true,
  run: ({ name }, context) => context.schedule.ask('status', name),
})

export const next = runner({
  doc: `Lists the coming fires of all entries, or of one: the time in milliseconds since the epoch, the name and the function. One
    that is known to be skipped says why.
    Example: reactor run schedule.next limit=20`,
  args: {
    name: name.optional(),
    limit: z.number().int().min(1).max(MOST_COMING).default(20).describe('at most so many'),
  },
  idempotent: true,
  run: ({ name, limit }, context) => context.schedule.ask('coming', limit, name),
})

export const build_schedule_item = runner({
  doc: `Returns an entry as schedule.add would keep it, and adds nothing.
    Example: reactor run schedule.build_schedule_item nightly function=manage.up cron='0 4 * * *'`,
  args: { name },
  extra: 'item',
  guards: { item: given },
  idempotent: true,
  run: ({ name, item }, context) => context.schedule.ask('build_schedule_item', name, item),
})

export const add = runner({
  doc: `Adds an entry to the master's schedule: a runner function, or one after runner., wheel. or local., with job_args and
    job_kwargs, and when it runs. It takes the right to the function itself, a local one's on all that its target may mean.
    A runner or wheel function that is not there is refused, and so are arguments that it does not take.
    All options of an entry may be given: docs/schedules.md has them.
    Example: reactor run schedule.add ping function=local.test.ping tgt='web*' every=5m`,
  args: { name, persist, test },
  extra: 'item',
  guards: { ...guards, item: given },
  idempotent: true,
  run: ({ name, item, ...options }, context) => change(context, 'add', name, item, options),
})

export const modify = runner({
  doc: `Changes options of an entry; those that are not named stay. Another kind of time takes the place of the one it had.
    Example: reactor run schedule.modify ping every=10m`,
  args: { name, persist, test },
  extra: 'item',
  guards: { ...guards, item: given },
  idempotent: true,
  run: ({ name, item, ...options }, context) => change(context, 'modify', name, item, options),
})

const delete_ = runner({
  doc: `Deletes an entry. One of the config stays away, until one of its name is added.
    Example: reactor run schedule.delete ping`,
  args: { name, persist, test },
  guards,
  idempotent: true,
  run: ({ name, ...options }, context) => change(context, 'delete', name, options),
})

export { delete_ as delete }

export const purge = runner({
  doc: `Deletes all entries of the master's schedule, those of the config too.
    Example: reactor run schedule.purge test=True`,
  args: { persist, test },
  idempotent: true,
  run: (options, context) => change(context, 'purge', options),
})

const ofAll = (operation: 'enable' | 'disable', doc: string) =>
  runner({
    doc,
    args: { persist, test },
    idempotent: true,
    run: (options, context) => change(context, operation, options),
  })

export const enable = ofAll(
  'enable',
  `Enables the schedule as a whole; entries that are disabled themselves stay so.
    Example: reactor run schedule.enable`,
)
export const disable = ofAll(
  'disable',
  `Disables the schedule as a whole: nothing of it runs.
    Example: reactor run schedule.disable`,
)

const ofOne = (operation: 'enable_job' | 'disable_job', doc: string) =>
  runner({
    doc,
    args: { name, persist, test },
    guards,
    idempotent: true,
    run: ({ name, ...options }, context) => change(context, operation, name, options),
  })

export const enable_job = ofOne(
  'enable_job',
  `Enables an entry.
    Example: reactor run schedule.enable_job ping`,
)
export const disable_job = ofOne(
  'disable_job',
  `Disables an entry: it stays, and does not run.
    Example: reactor run schedule.disable_job ping`,
)

export const is_enabled = runner({
  doc: `Returns an entry, where 'enabled' says whether it is; an empty map where there is none. Without a name whether the whole
    schedule is enabled.
    Example: reactor run schedule.is_enabled ping`,
  args: { name: name.optional() },
  idempotent: true,
  run: ({ name }, context) => context.schedule.ask('is_enabled', name),
})

export const run_job = runner({
  doc: `Runs an entry now, besides its times; one that is disabled only with force=True.
    Example: reactor run schedule.run_job ping force=True`,
  args: { name, force: z.boolean().default(false).describe('though it is disabled') },
  guards,
  run: ({ name, force }, context) => change(context, 'run_job', name, force),
})

export const skip_job = runner({
  doc: `Has an entry not run at one of its times, such as 2026-12-24T18:00:00, in its zone.
    Example: reactor run schedule.skip_job nightly 2026-12-24T04:00:00`,
  args: { name, current_time: z.string().describe('when it would run'), time_fmt },
  guards,
  idempotent: true,
  run: ({ name, current_time, time_fmt }, context) => change(context, 'skip_job', name, current_time, time_fmt),
})

export const postpone_job = runner({
  doc: `Has an entry run at another time in place of one of its times. Times are such as 2026-12-24T18:00:00, in its zone.
    Example: reactor run schedule.postpone_job nightly 2026-12-24T04:00:00 2026-12-24T06:00:00`,
  args: {
    name,
    current_time: z.string().describe('when it would run'),
    new_time: z.string().describe('when it runs instead'),
    time_fmt,
  },
  guards,
  idempotent: true,
  run: ({ name, current_time, new_time, time_fmt }, context) =>
    change(context, 'postpone_job', name, current_time, new_time, time_fmt),
})

export const show_next_fire_time = runner({
  doc: `Says when an entry runs next; null where it does not, or is not there.
    Example: reactor run schedule.show_next_fire_time ping`,
  args: { name, time_fmt },
  idempotent: true,
  run: ({ name, time_fmt }, context) => context.schedule.ask('show_next_fire_time', name, time_fmt),
})

export const job_status = runner({
  doc: `Returns an entry with its last run, its next one, what runs now, and what was skipped last and why.
    Example: reactor run schedule.job_status ping`,
  args: { name, time_fmt },
  idempotent: true,
  run: ({ name, time_fmt }, context) => context.schedule.ask('job_status', name, time_fmt),
})

export const save = runner({
  doc: `Keeps what was changed with persist=False.
    Example: reactor run schedule.save`,
  idempotent: true,
  run: (_args, context) => change(context, 'save'),
})

export const reload = runner({
  doc: `Undoes what was changed with persist=False. The config's entries are read when a schedule worker starts.
    Example: reactor run schedule.reload`,
  idempotent: true,
  run: (_args, context) => change(context, 'reload'),
})

/** Salt's answer; where it says that nothing was done the job fails with its comment. */
async function change(context: RunnerContext, operation: ScheduleOperation, ...args: unknown[]): Promise<unknown> {
  const answer = await context.schedule.ask(operation, ...args)
  if (isObject(answer) && answer.result === false)
    // Salt's answers begin so; an error of a command says it already.
    throw new ReactorError(
      'function_failed',
      [answer.comment]
        .flat()
        .join('\n')
        .replace(/^Error: /, ''),
    )
  return answer
}
