// `reactor events list|show|export`
import type { Command } from 'commander'
import { cleanJson } from '../../base/clean.ts'
import type { AskHistory } from '../../tail/history.ts'
import { toStderr } from '../../tail/run.ts'
import { storedEvents } from '../../tail/stored.ts'
import { onInterrupt } from '../call/interrupt.ts'
import { wholeNumber } from '../call/request.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { exportEvents, fileSink, stdoutSink, untilStopped } from '../events/export.ts'
import { createFilter, type Filters, openStored, tellingHowFar, withFilters } from '../events/filter.ts'
import { eventLines, newestEvents } from '../events/list.ts'
import { eventText } from '../events/text.ts'
import { findEvent, traceEvent } from '../events/trace.ts'
import { tableLook } from '../jobs/table.ts'
import { print } from '../out/print.ts'
import { withClient } from '../with-client.ts'

interface ListOptions extends ClientOptions, Filters {
  limit: number
  data?: boolean
  json?: boolean
}
type ExportOptions = ClientOptions & Filters & { output?: string }

const HELP = `
Examples:
  reactor events list 'salt/job/*/ret/*' --where 'data.retcode!=0' --since 1d
  reactor events list --origin 'web*' --grep 'disk full' --limit 20
  reactor events show 4711                           by the number that list shows, or by its id
  reactor events export --since 2026-11-20 --output events.ndjson

You see the events that your roles let you read ('@events' of a role), for as long as they are kept.
Exit codes: 0, 1 there is no such event, or an export into a file was stopped; 64 a wrong command line; 69 nothing answers;
73 the file cannot be written; 77 you may not read events; 130 Ctrl-C.`

export const command: AddCommand = program => {
  const events = program
    .command('events')
    .description('the stored events: list, show and export them')
    .addHelpText('after', HELP)
  addList(events)
  addShow(events)
  addExport(events)
}

function addList(events: Command): void {
  withClientOptions(withFilters(events.command('list').description('the newest events that fit, newest last')))
    .option('--limit <n>', 'at most so many', wholeNumber, 100)
    .option('--data', 'show the data as JSON below each line')
    .option('--json', 'print {events, left_out, more} as JSON')
    .action(async (globs: string[], options: ListOptions) => {
      const fits = createFilter(globs, options, toStderr)
      await withClient(options, async client => {
        const { ask, range } = await openStored(client, options)
        const found = await newestEvents(telling(ask, options), range, fits, options.limit)
        if (options.json) return print(cleanJson(found))
        if (found.events.length === 0) return void process.stderr.write('no events\n')
        print(eventLines(found.events, Date.now(), tableLook(), options.data === true).join('\n'))
        const older = `${found.more ? 'at least ' : ''}${found.left_out.toLocaleString('en')} older`
        if (found.left_out > 0 || found.more)
          process.stderr.write(`the newest ${found.events.length}; ${older} left out: --limit shows more\n`)
      })
    })
}

function addShow(events: Command): void {
  const command = events.command('show').description('one event whole, what caused it, and what it caused')
  withClientOptions(command)
    .argument('<event>', 'its id, or its number in the store')
    .option('--json', 'print {event, causes, caused, more} as JSON')
    .action((name: string, options: ClientOptions & { json?: boolean }) =>
      withClient(options, async client => {
        const { ask, range } = await openStored(client, {})
        const traced = await traceEvent(ask, range, await findEvent(telling(ask, options), range, name))
        print(options.json ? cleanJson(traced) : eventText(traced, Date.now(), tableLook()).join('\n'))
      }),
    )
}

/** To people, not to programs. */
const telling = (ask: AskHistory, { json }: { json?: boolean }): AskHistory =>
  json ? ask : tellingHowFar(ask, toStderr)

function addExport(events: Command): void {
  const command = events.command('export').description('all events that fit as NDJSON, one a line, in their order')
  withClientOptions(withFilters(command))
    .option('--output <file>', 'into this file, which is there once it is whole (default: stdout)')
    .action(async (globs: string[], options: ExportOptions) => {
      const fits = createFilter(globs, options, toStderr)
      await withClient(options, async client => {
        const { ask, range } = await openStored(client, options)
        const sink = options.output === undefined ? stdoutSink() : await fileSink(options.output)
        // On stdout there is nothing to take back, and a reader that takes nothing must not keep the program.
        const interrupt = onInterrupt(options.output === undefined ? [] : ['SIGINT', 'SIGTERM', 'SIGHUP'])
        try {
          const pages = storedEvents(untilStopped(ask, interrupt.signal), range)
          const exported = await exportEvents(pages, fits, sink)
          const where = options.output === undefined ? '' : ` in ${options.output}`
          process.stderr.write(`${exported.events.toLocaleString('en')} events${where}\n`)
          if (exported.without_data > 0)
            toStderr(
              `${exported.without_data} of them are without their data, for history holds no events of that size`,
            )
        } finally {
          interrupt.release()
        }
      })
    })
}
