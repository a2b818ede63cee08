// `reactor jobs kill` and `retry`: the runner functions of those names.
import type { Command } from 'commander'
import { callFunction } from '../call-service.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import { createValuePrinter, type OutOptions, outOption } from '../out/format.ts'
import { print, printJson } from '../out/print.ts'
import { withCache } from './with-cache.ts'

const RUNNER_TIMEOUT_MS = 60_000

export function addKill(jobs: Command): void {
  withClientOptions(jobs.command('kill').description('end a job on every minion where it runs, with all its processes'))
    .argument('<jid>')
    .option('--signal <signal>', 'name or number of the signal to send (default: KILL)')
    .addOption(outOption())
    .option('--json', 'print what was sent where as JSON')
    .action((jid: string, options: ClientOptions & OutOptions & { signal?: string }) =>
      withCache(
        options,
        async client => {
          const kwarg = options.signal === undefined ? {} : { signal: signalOf(options.signal) }
          const sent = await callFunction(client, 'runner', 'jobs.kill', { arg: [jid], kwarg }, RUNNER_TIMEOUT_MS)
          const printValue = await createValuePrinter(options)
          printValue(sent)
        },
        jid,
      ),
    )
}

export function addRetry(jobs: Command): void {
  withClientOptions(
    jobs.command('retry').description('run a job again, as a new job, on the minions where it did not succeed'),
  )
    .argument('<jid>')
    .argument('[minions...]', 'only on these of its minions: ids or globs')
    .option('--all', 'also where it returned well')
    .option('--json', 'print {jid, minions, comment} as JSON')
    .action((jid: string, minions: string[], options: ClientOptions & { all?: boolean; json?: boolean }) =>
      withCache(
        options,
        async client => {
          const kwarg = {
            ...(minions.length > 0 ? { tgt: minions } : {}),
            ...(options.all ? { only_failed: false } : {}),
          }
          const retried = await callFunction<{ jid: string | null; minions: string[]; comment: string }>(
            client,
            'runner',
            'jobs.retry',
            { arg: [jid], kwarg },
            RUNNER_TIMEOUT_MS,
          )
          if (options.json) return printJson(retried)
          if (retried.jid === null) return void process.stderr.write(`${retried.comment}\n`)
          print(`Executed command with job ID: ${retried.jid}`)
          process.stderr.write(`${retried.comment}, on ${retried.minions.join(', ')}\n`)
        },
        jid,
      ),
    )
}

const signalOf = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text)
