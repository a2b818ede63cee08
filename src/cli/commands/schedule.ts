// `reactor schedule list|next|show|add|modify|delete|run|enable|disable|skip|postpone`
import type { Command } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import type { Coming, ScheduleView } from '../../protocol/schedule.ts'
import { wholeNumber } from '../call/request.ts'
import { type Client, type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'
import { askWorker } from '../rules/ask-worker.ts'
import { type ItemOptions, readItemOptions, withItemOptions } from '../schedule/item.ts'
import { comingTable, entriesTable, entryLines } from '../schedule/table.ts'
import { withClient } from '../with-client.ts'

type Options = ClientOptions & { json?: boolean }
interface Answer {
  comment: string | string[]
}

const SHOWN = 20
const ALL = '(all)'

export const command: AddCommand = program => {
  const schedule = program
    .command('schedule')
    .description(
      "the master's schedule: list, what comes next, add, modify, delete, run, enable, disable, skip, postpone",
    )
    .addHelpText(
      'after',
      '\nTimes are shown in the zone of this machine. A time that is given is read in the zone of the entry, unless it has its own:' +
        '\n2026-12-24T18:00:00+01:00. The schedule of a minion: reactor call ID schedule.list' +
        '\nExit codes: 0, 1 there is no such entry, or it is refused; 64 a wrong command line; 69 no schedule worker; 77 you may not.',
    )
  addLooking(schedule)
  addChanging(schedule)
  addRunning(schedule)
}

function addLooking(schedule: Command): void {
  withClientOptions(
    schedule.command('list').description('the entries: when they run, last and next; those refused, and why'),
  )
    .option('--json', 'print {enabled, entries, refused} as JSON')
    .action((options: Options) =>
      withClient(options, async client => {
        const view = await askWorker<ScheduleView>(client, 'schedule.status')
        if (options.json) return printJson(view)
        if (!view.enabled) print('the whole schedule is disabled: reactor schedule enable')
        if (view.entries.length + view.refused.length === 0) return void process.stderr.write('no entries\n')
        print(entriesTable(view, Date.now(), tableLook()).join('\n'))
      }),
    )
  withClientOptions(schedule.command('next').description('the coming fires of all entries, or of one'))
    .argument('[name]')
    .option('--limit <n>', 'at most so many', wholeNumber, SHOWN)
    .option('--json', 'print [{name, at, function, tgt, skipped}] as JSON')
    .action((name: string | undefined, { limit, ...options }: Options & { limit: number }) =>
      withClient(options, async client => {
        const coming = await askWorker<Coming[]>(client, 'schedule.next', { limit, ...(name ? { name } : {}) })
        if (options.json) return printJson(coming)
        if (coming.length === 0) return void process.stderr.write('nothing comes\n')
        print(comingTable(coming, Date.now(), tableLook()).join('\n'))
      }),
    )
  withClientOptions(schedule.command('show').description('one entry, with all that is known of it'))
    .argument('<name>')
    .option('--json', 'print {enabled, entries, refused} of it as JSON')
    .action((name: string, options: Options) =>
      withClient(options, async client => {
        const view = await askWorker<ScheduleView>(client, 'schedule.status', { name })
        if (options.json) return printJson(view)
        for (const entry of view.entries) print(entryLines(entry, view.enabled, Date.now(), tableLook()).join('\n'))
        for (const { problem } of view.refused) print(`refused: ${problem}`)
      }),
    )
}

function addChanging(schedule: Command): void {
  const changing = (name: 'add' | 'modify', what: string, function_: string) =>
    withItemOptions(withClientOptions(schedule.command(name).description(what)))
      .argument('<name>')
      .argument(function_, 'runner function, or one after runner., wheel. or local.')
      .argument('[args...]', 'its positional values and key=value pairs')
      .option('--dry-run', 'only check it')
      .option('--json', 'print {result, comment, changes} as JSON')
      .action(
        async (
          entry: string,
          fun: string | undefined,
          words: string[],
          options: Options & ItemOptions & { dryRun?: boolean },
        ) => {
          const item = await readItemOptions([...(fun === undefined ? [] : [fun]), ...words], options)
          if (Object.keys(item).length === 0) throw new ReactorError('usage', 'say what is to be changed')
          await act(options, `schedule.${name}`, { ...item, name: entry, test: options.dryRun ?? false })
        },
      )
  changing('add', 'add an entry', '<function>')
  changing('modify', 'change options of an entry; those that are not named stay', '[function]')
  withClientOptions(schedule.command('delete').description('delete an entry'))
    .argument('<name>')
    .option('--json', 'print {result, comment, changes} as JSON')
    .action((name: string, options: Options) => act(options, 'schedule.delete', { name }))
  for (const to of ['enable', 'disable'] as const)
    withClientOptions(schedule.command(to).description(`${to} an entry, or the schedule as a whole`))
      .argument('[name]', 'an entry', ALL)
      .option('--json', 'print {result, comment, changes} as JSON')
      .action((name: string, options: Options) =>
        name === ALL ? act(options, `schedule.${to}`, {}) : act(options, `schedule.${to}_job`, { name }),
      )
}

function addRunning(schedule: Command): void {
  withClientOptions(schedule.command('run').description('run an entry now, besides its times'))
    .argument('<name>')
    .option('--force', 'though it is disabled')
    .option('--json', 'print {result, comment} as JSON')
    .action((name: string, options: Options & { force?: boolean }) =>
      act(options, 'schedule.run_job', { name, force: options.force ?? false }),
    )
  withClientOptions(schedule.command('skip').description('have an entry not run at one of its times'))
    .argument('<name>')
    .argument('[time]', 'when it would run (default: next)')
    .option('--json', 'print {result, comment} as JSON')
    .action((name: string, time: string | undefined, options: Options) =>
      withClient(options, async client => {
        const current_time = time ?? (await nextOf(client, name))
        say(await askWorker<Answer>(client, 'schedule.skip_job', { name, current_time }), options)
      }),
    )
  withClientOptions(
    schedule.command('postpone').description('have an entry run at another time in place of its next one'),
  )
    .argument('<name>')
    .argument('<to>', 'when it runs instead')
    .option('--from <time>', 'in place of this time of it, and not of the next')
    .option('--json', 'print {result, comment} as JSON')
    .action((name: string, new_time: string, options: Options & { from?: string }) =>
      withClient(options, async client => {
        const current_time = options.from ?? (await nextOf(client, name))
        say(await askWorker<Answer>(client, 'schedule.postpone_job', { name, current_time, new_time }), options)
      }),
    )
}

/** Throws `not_found`. */
async function nextOf(client: Client, name: string): Promise<string> {
  const { entries, refused } = await askWorker<ScheduleView>(client, 'schedule.status', { name })
  const next = entries[0]?.next
  if (next !== undefined) return new Date(next).toISOString()
  throw new ReactorError('not_found', `'${name}' does not run any more${refused[0] ? `: ${refused[0].problem}` : ''}`)
}

const act = (options: Options, fun: string, kwarg: Record<string, unknown>): Promise<void> =>
  withClient(options, async client => say(await askWorker<Answer>(client, fun, kwarg), options))

function say(answer: Answer, { json }: Options): void {
  if (json) printJson(answer)
  else for (const line of [answer.comment].flat()) print(line)
}
