// `reactor jobs list|show|active|watch|kill|retry`
import { type Command, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { createJobCache, type JobCache } from '../../cache/client.ts'
import { JOB_KINDS, type JobKind } from '../../protocol/job.ts'
import type { JobsRequest } from '../../protocol/job-view.ts'
import { createPaint } from '../../tail/colour.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { onInterrupt } from '../call/interrupt.ts'
import { readMap, wholeNumber } from '../call/request.ts'
import { callFunction } from '../call-service.ts'
import { type Client, type ClientOptions, openClient, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { readJid, readJob, readJobs, readTime } from '../jobs/find.ts'
import { showJob } from '../jobs/show.ts'
import { activeTable, jobsTable, type TableLook } from '../jobs/table.ts'
import { watchAll, watchJob } from '../jobs/watch.ts'
import { createValuePrinter, type OutOptions, outOption } from '../out/format.ts'
import { print, printJson } from '../out/print.ts'

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

const RUNNER_TIMEOUT_MS = 60_000
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
    .option('--function <glob...>', 'of these functions')
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
  withClientOptions(jobs.command('show').description('one job: what it is, where it stands, and its returns'))
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
        const open = found.map((job, i) => ({ job, open: openMinions(views[i]?.states ?? {}) }))
        if (options.json)
          return printJson({
            jobs: open.map(one => ({ ...one.job, elapsed: (now - one.job.start) / 1000, open: one.open })),
          })
        if (open.length === 0) return void process.stderr.write('no active jobs\n')
        print(activeTable(open, now, tableLook()).join('\n'))
      }),
    )
}

const openMinions = (states: Record<string, string>): string[] =>
  Object.keys(states)
    .filter(id => states[id] === 'running' || states[id] === 'accepted' || states[id] === 'offline')
    .sort()

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

function addKill(jobs: Command): void {
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

function addRetry(jobs: Command): void {
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

/** Opens the way to the system for a command; a jid is looked at before. */
async function withCache(
  options: ClientOptions,
  act: (client: Client, cache: JobCache) => Promise<unknown>,
  jid?: string,
): Promise<void> {
  if (jid !== undefined) readJid(jid)
  const client = await openClient(options)
  try {
    await act(client, createJobCache(client.bus.nc, client.bus.subjects))
  } finally {
    await client.close()
  }
}

async function listRequest(options: ListOptions): Promise<JobsRequest> {
  const { function: fun, target: tgt, since, until, kind, active } = options
  const metadata = options.metadata === undefined ? undefined : await readMap('--metadata', options.metadata)
  if (since !== undefined && until !== undefined && since > until)
    throw new ReactorError('usage', '--since is later than --until: no job is in between')
  const given = { fun, tgt, since, until, metadata, kind, active }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

const signalOf = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text)

function tableLook(): TableLook {
  const { colour, columns } = terminalLook()
  return { paint: createPaint(colour), columns: columns() }
}
