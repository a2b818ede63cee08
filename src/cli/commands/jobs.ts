// `reactor jobs list|show|active|watch|kill|retry`
import { type Command, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { readJobs } from '../../cache/client.ts'
import { JOB_KINDS, type JobKind } from '../../protocol/job.ts'
import type { JobsRequest } from '../../protocol/job-view.ts'
import { openMinions } from '../../report/job.ts'
import { onInterrupt } from '../call/interrupt.ts'
import { wholeNumber } from '../call/request.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { addKill, addRetry } from '../jobs/end.ts'
import { readJob, readTime } from '../jobs/find.ts'
import { showJob } from '../jobs/show.ts'
import { activeTable, jobsTable, tableLook } from '../jobs/table.ts'
import { watchAll, watchJob } from '../jobs/watch.ts'
import { withCache } from '../jobs/with-cache.ts'
import { type OutOptions, outOption, withStateOptions } from '../out/format.ts'
import { print, printJson } from '../out/print.ts'
import { readMap } from '../words.ts'

interface ListOptions extends ClientOptions {
  function?: string[]
  target?: string[]
  since?: number
  until?: number
  metadata?: string
  kind?: JobKind
  active?: boolean
  limit: number
  json?: boolean
}

const ACTIVE_LIMIT = 1000

export const command: AddCommand = program => {
  const jobs = program
    .command('jobs')
    .description('the jobs that run and ran: list, show, watch, end and retry them')
    .addHelpText(
      'after',
      '\nExit codes: 0, 1 there is no such job (or, of watch, a minion failed), 64 a word is no jid.',
    )
  addList(jobs)
  addShow(jobs)
  addActive(jobs)
  addWatch(jobs)
  addKill(jobs)
  addRetry(jobs)
}

function addList(jobs: Command): void {
  withClientOptions(jobs.command('list').description('the newest jobs, newest first; all filters must hold'))
    .option('--function <glob...>', "of these functions, such as 'test.*' or 'runner.jobs.*'")
    .option('--target <glob...>', 'whose target, as it was written, matches')
    .option('--since <when>', "that began then or later: '30m' ago, or '2026-11-20 09:15'", readTime)
    .option('--until <when>', 'that began then or before', readTime)
    .option('--metadata <map>', "whose metadata has all of these, such as '{ticket: 4711}'")
    .addOption(new Option('--kind <kind>', 'on minions (local), runner or wheel functions').choices(JOB_KINDS))
    .option('--active', 'that some minion may still answer')
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .option('--json', 'print {jobs, more} as JSON')
    .action(async (options: ListOptions) => {
      const request = await listRequest(options)
      await withCache(options, async (_client, cache) => {
        const found = await readJobs(cache, request, options.limit)
        if (options.json) return printJson(found)
        if (found.jobs.length === 0) return void process.stderr.write('no jobs\n')
        print(jobsTable(found.jobs, Date.now(), tableLook()).join('\n'))
        if (found.more) process.stderr.write(`the newest ${found.jobs.length}; --limit shows more\n`)
      })
    })
}

function addShow(jobs: Command): void {
  const command = jobs.command('show').description('one job: what it is, where it stands, and its returns')
  withStateOptions(withClientOptions(command))
    .argument('<jid>')
    .addOption(outOption())
    .option('--json', 'print the job with its states and returns as JSON')
    .action((jid: string, options: ClientOptions & OutOptions) =>
      withCache(options, async ({ bus }, cache) => showJob(bus, await readJob(cache, jid), options), jid),
    )
}

function addActive(jobs: Command): void {
  withClientOptions(jobs.command('active').description('the jobs that some minion may still answer, and which'))
    .option('--json', 'print {jobs: [{…, elapsed, open}]} as JSON')
    .action((options: ClientOptions & { json?: boolean }) =>
      withCache(options, async (_client, cache) => {
        const now = Date.now()
        const { jobs: found } = await readJobs(cache, { active: true }, ACTIVE_LIMIT)
        const views = await Promise.all(found.map(({ jid }) => cache.job(jid)))
        const open = found.map((job, i) => ({ job, open: views[i] ? openMinions(views[i], now) : [] }))
        if (options.json)
          return printJson({
            jobs: open.map(one => ({ ...one.job, elapsed: (now - one.job.start) / 1000, open: one.open })),
          })
        if (open.length === 0) return void process.stderr.write('no active jobs\n')
        print(activeTable(open, now, tableLook()).join('\n'))
      }),
    )
}

function addWatch(jobs: Command): void {
  withClientOptions(
    jobs.command('watch').description('the states of a job until it has ended, or of all active jobs, as they change'),
  )
    .argument('[jid]')
    .option('--json', 'print one JSON object a change')
    .action((jid: string | undefined, options: ClientOptions & { json?: boolean }) =>
      withCache(
        options,
        async ({ bus }, cache) => {
          const interrupt = onInterrupt()
          try {
            if (jid === undefined) return await watchAll(bus, options, interrupt.signal)
            const well = await watchJob(bus, await readJob(cache, jid), options, interrupt.signal)
            if (!interrupt.signal.aborted && !well) process.exitCode = 1
          } finally {
            interrupt.release()
          }
        },
        jid,
      ),
    )
}

async function listRequest(options: ListOptions): Promise<JobsRequest> {
  const { function: fun, target: tgt, since, until, kind, active } = options
  const metadata = options.metadata === undefined ? undefined : await readMap('--metadata', options.metadata)
  if (since !== undefined && until !== undefined && since > until)
    throw new ReactorError('usage', '--since is later than --until: no job is in between')
  const given = { fun, tgt, since, until, metadata, kind, active }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
