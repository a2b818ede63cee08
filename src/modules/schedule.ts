// Module `schedule`: the minion's own schedule, with Salt's functions and answers.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { fixed, target } from '../functions/guards.ts'
import { answered, carry, changed } from '../minion/schedule-answers.ts'

const name = z.string().min(1).describe('the name of the entry')
const persist = z.boolean().default(true).describe('keep it over restarts of the minion')
const test = z.boolean().default(false).describe('only say what would be done')
const where = z
  .enum(['opts', 'pillar'])
  .nullish()
  .describe("only entries of the config and of calls ('opts'), or of the pillar")
const time_fmt = z.string().optional().describe('how the times are written, as strptime has it')
/** What runs later has no event any more that it could be held against. */
const entry = fixed('an entry of the schedule, which runs later by itself')
const named = fixed('the name of an entry of the schedule')
const guards = { name: named, item: entry }

const list_ = execution({
  doc: `Lists the entries of the schedule as a YAML text, or with return_yaml=False as a map.
    What is wrong with an entry that is not in force stands under '_error'.
    Example: reactor call web1 schedule.list show_disabled=False`,
  args: {
    show_all: z.boolean().default(false).describe("as Salt's clients give it: no entries are hidden here"),
    show_disabled: z.boolean().default(true).describe('also those that are disabled'),
    where,
    return_yaml: z.boolean().default(true).describe('as a text'),
    offline: z.boolean().default(false).describe('only what calls have added and the minion keeps over restarts'),
  },
  idempotent: true,
  run: ({ show_all: _none, ...options }, { schedule }) => schedule.list(options),
})

export { list_ as list }

export const is_enabled = execution({
  doc: `Returns an entry, where 'enabled' says whether it is; an empty map where there is none. Without a name whether the whole
    schedule is enabled.
    Example: reactor call web1 schedule.is_enabled job1`,
  args: { name: name.optional() },
  idempotent: true,
  run: ({ name }, { schedule }) => schedule.is_enabled(name),
})

export const purge = execution({
  doc: `Deletes all entries but those of the pillar.
    Example: reactor call web1 schedule.purge`,
  args: { persist, test, where },
  idempotent: true,
  run: (options, context) => changed(context, 'delete', context.schedule.purge(options), options.test),
})

const delete_ = execution({
  doc: `Deletes an entry.
    Example: reactor call web1 schedule.delete job1`,
  args: { name, persist, test, where },
  guards: { name: named },
  idempotent: true,
  run: ({ name, ...options }, context) =>
    changed(context, 'delete', context.schedule.delete(name, options), options.test),
})

export { delete_ as delete }

export const build_schedule_item = execution({
  doc: `Returns an entry as schedule.add would keep it, and adds nothing.
    Example: reactor call web1 schedule.build_schedule_item job1 function=test.ping seconds=3600`,
  args: { name },
  extra: 'item',
  guards,
  idempotent: true,
  run: ({ name, item }, { schedule }) => schedule.build_schedule_item(name, item),
})

export const add = execution({
  doc: `Adds an entry: a function of this minion, and when it runs. Its arguments are job_args and job_kwargs.
    All options of an entry may be given: docs/schedules.md has them.
    Example: reactor call web1 schedule.add job3 function=cmd.run job_args='["uptime"]' seconds=60 splay=10`,
  args: { name, persist, test },
  extra: 'item',
  guards,
  idempotent: true,
  run: ({ name, item, ...options }, context) =>
    changed(context, 'add', context.schedule.add(name, item, options), options.test),
})

export const modify = execution({
  doc: `Changes options of an entry; those that are not named stay. Another kind of time takes the place of the one it had.
    Example: reactor call web1 schedule.modify job3 cron='*/5 * * * *'`,
  args: { name, persist, test },
  extra: 'item',
  guards,
  idempotent: true,
  run: ({ name, item, ...options }, context) =>
    changed(context, 'modify', context.schedule.modify(name, item, options), options.test),
})

export const run_job = execution({
  doc: `Runs an entry now, besides its times; one that is disabled only with force=True.
    Example: reactor call web1 schedule.run_job job1 force=True`,
  args: { name, force: z.boolean().default(false).describe('though it is disabled') },
  guards: { name: named },
  run: ({ name, force }, context) => answered(context, context.schedule.run_job(name, force)),
})

export const enable_job = execution({
  doc: `Enables an entry.
    Example: reactor call web1 schedule.enable_job job1`,
  args: { name, persist, test, where },
  guards: { name: named },
  idempotent: true,
  run: ({ name, ...options }, context) =>
    changed(context, 'enabled_job', context.schedule.enable_job(name, options), options.test),
})

export const disable_job = execution({
  doc: `Disables an entry: it stays, and does not run.
    Example: reactor call web1 schedule.disable_job job1`,
  args: { name, persist, test, where },
  guards: { name: named },
  idempotent: true,
  run: ({ name, ...options }, context) =>
    changed(context, 'disabled_job', context.schedule.disable_job(name, options), options.test),
})

export const save = execution({
  doc: `Keeps over restarts whatever was changed with persist=False.
    Example: reactor call web1 schedule.save`,
  idempotent: true,
  run: (_args, context) => changed(context, 'saved', context.schedule.save()),
})

export const enable = execution({
  doc: `Enables the schedule as a whole; entries that are disabled themselves stay so.
    Example: reactor call web1 schedule.enable`,
  args: { persist, test },
  idempotent: true,
  run: (options, context) => changed(context, 'enabled', context.schedule.enable(options), options.test),
})

export const disable = execution({
  doc: `Disables the schedule as a whole: nothing of it runs.
    Example: reactor call web1 schedule.disable`,
  args: { persist, test },
  idempotent: true,
  run: (options, context) => changed(context, 'disabled', context.schedule.disable(options), options.test),
})

export const reload = execution({
  doc: `Undoes whatever was changed with persist=False: the schedule is again as it is kept on disk.
    Example: reactor call web1 schedule.reload`,
  idempotent: true,
  run: (_args, context) => answered(context, context.schedule.reload()),
})

export const postpone_job = execution({
  doc: `Has an entry run at another time in place of one of its times. Times are such as 2026-12-24T18:00:00, in its zone.
    Example: reactor call web1 schedule.postpone_job job1 2026-12-24T18:00:00 2026-12-24T20:00:00`,
  args: {
    name,
    current_time: z.string().describe('when it would run'),
    new_time: z.string().describe('when it runs instead'),
    time_fmt,
  },
  guards: { name: named },
  idempotent: true,
  run: ({ name, current_time, new_time, time_fmt }, context) =>
    changed(context, 'postpone_job', context.schedule.postpone_job(name, current_time, new_time, time_fmt)),
})

export const skip_job = execution({
  doc: `Has an entry not run at one of its times, such as 2026-12-24T18:00:00, in its zone.
    Example: reactor call web1 schedule.skip_job job1 2026-12-24T18:00:00`,
  args: { name, current_time: z.string().describe('when it would run'), time_fmt },
  guards: { name: named },
  idempotent: true,
  run: ({ name, current_time, time_fmt }, context) =>
    changed(context, 'skip_job', context.schedule.skip_job(name, current_time, time_fmt)),
})

export const show_next_fire_time = execution({
  doc: `Says when an entry runs next; null where it does not, or is not there.
    Example: reactor call web1 schedule.show_next_fire_time job1`,
  args: { name, time_fmt },
  idempotent: true,
  run: ({ name, time_fmt }, { schedule }) => schedule.show_next_fire_time(name, time_fmt),
})

export const job_status = execution({
  doc: `Returns an entry with its last run, its next one, what runs now, and what was skipped last and why.
    Example: reactor call web1 schedule.job_status job1`,
  args: { name, time_fmt },
  idempotent: true,
  run: ({ name, time_fmt }, { schedule }) => schedule.job_status(name, time_fmt),
})

export const move = execution({
  doc: `Moves an entry to other minions: it is deleted here once all that answered have added it.
    The job workers' config must allow schedule.add to this minion (jobs.peer).
    Example: reactor call web1 schedule.move job1 'web2'`,
  args: { name, target: z.string().min(1).describe('the minions, a glob'), test },
  guards: { name: named, target },
  run: ({ name, target, test }, context) => carry('moved', name, target, test, context),
})

export const copy = execution({
  doc: `Copies an entry to other minions.
    The job workers' config must allow schedule.add to this minion (jobs.peer).
    Example: reactor call web1 schedule.copy job1 'web*'`,
  args: { name, target: z.string().min(1).describe('the minions, a glob'), test },
  guards: { name: named, target },
  run: ({ name, target, test }, context) => carry('copied', name, target, test, context),
})
