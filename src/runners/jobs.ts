// Runner `jobs`: the jobs that run and ran, from the job cache, with Salt's arguments and in Salt's shapes; ending and
// retrying them.
import { z } from 'zod'
import { runner } from '../functions/define.ts'
import { minionId } from '../functions/guards.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import { runProgress } from '../protocol/catalogue/functions.ts'
import { readJid } from '../protocol/jid.ts'
import type { JobView } from '../protocol/job-view.ts'
import { display_progress, ext_source, globs, jidArg, kind, metadataArg, outputter } from '../report/arguments.ts'
import {
  activeJob,
  busyMinions,
  filteredJob,
  jobOnMinions,
  listedJob,
  masterJob,
  missingJob,
  pidsIn,
  printedJob,
  type Report,
  returnsOf,
  successOf,
} from '../report/job.ts'
import { isEnding, killAnswers, killMinions, killRequest } from '../report/kill.ts'
import { argumentsOf, planRetry } from '../report/retry.ts'
import { allJobs, newestJobs, searchRequests, splitInput } from '../report/search.ts'

/** Seconds that minions have to answer what a runner asks them about their jobs. */
const ANSWER_S = 5

export const active = runner({
  doc: `Shows the jobs that wait or run on minions, by jid, each with the minions that run it and their processes.
    The job cache says which they are. A pid is null where the minion did not tell one: the job waits there or has just
    ended, or the minion did not answer within ${ANSWER_S} seconds.
    Example: reactor run jobs.active`,
  args: { display_progress },
  idempotent: true,
  async run(args, context) {
    const progress = progressOf(args, context)
    await progress('Querying the job cache for active jobs')
    const jobs: JobView[] = []
    for (const { jid } of await allJobs(context.cache.jobs, [{ active: true, kind: 'local' }])) {
      const job = await context.cache.job(jid)
      if (job?.active) jobs.push(job)
    }
    const busy = [...new Set(jobs.flatMap(busyMinions))].sort()
    if (busy.length > 0) await progress(`Attempting to contact minions: ${busy.join(', ')}`)
    const pids = busy.length > 0 ? await runningPids(busy, context, progress) : pidsIn({})
    return Object.fromEntries(jobs.map(job => [job.jid, activeJob(job, pids.get(job.jid) ?? new Map())]))
  },
})

export const list_jobs = runner({
  doc: `Lists the jobs that the job cache keeps, by jid. All filters that are given must hold.
    Times are UTC unless they name a zone: 2026-11-20, '2026-11-20 09:18', '2026, Nov 20 09:18:43', 09:18 (today), 2h (so
    long ago) or a jid.
    Example: reactor run jobs.list_jobs search_function='test.*,cmd.run' search_target='web*' start_time=2h`,
  args: {
    ext_source,
    outputter,
    search_metadata: metadataArg.describe("a map: one of its pairs must be in the job's metadata"),
    search_function: globs.describe('globs of functions, as a list or with commas'),
    search_target: globs.describe('globs that match the target as it was given, as a list or with commas'),
    start_time: z.string().nullish().describe('only jobs that started then or later'),
    end_time: z.string().nullish().describe('only jobs that started then or before'),
    display_progress,
    kind,
  },
  idempotent: true,
  async run(args, context) {
    await progressOf(args, context)('Querying the job cache for jobs')
    const requests = searchRequests(
      {
        metadata: args.search_metadata,
        fun: args.search_function,
        tgt: args.search_target,
        start: args.start_time,
        end: args.end_time,
        kind: args.kind,
        source: args.ext_source,
      },
      Date.now(),
    )
    const jobs = await allJobs(context.cache.jobs, requests)
    return Object.fromEntries(jobs.map(job => [job.jid, listedJob(job)]))
  },
})

export const list_jobs_filter = runner({
  doc: `Lists the newest jobs that the job cache keeps, oldest first, as a list whose items have the key JID.
    Example: reactor run jobs.list_jobs_filter 50`,
  args: {
    count: z.number().int().min(1).describe('how many at most'),
    filter_find_job: z.boolean().default(true).describe('leaves out saltutil.find_job'),
    ext_source,
    outputter,
    display_progress,
    kind,
  },
  idempotent: true,
  async run(args, context) {
    await progressOf(args, context)('Querying the job cache for jobs')
    const requests = searchRequests(
      { kind: args.kind, source: args.ext_source, withoutFindJob: args.filter_find_job },
      Date.now(),
    )
    return (await newestJobs(context.cache.jobs, requests, args.count)).map(filteredJob)
  },
})

export const list_job = runner({
  doc: `Shows one job with its returns; a jid that the job cache does not know has a key Error.
    Beyond Salt, a result has a key outcome where the minion died while it ran, or ended it because its time was over.
    Example: reactor run jobs.list_job 20261120091843644180`,
  args: { jid: jidArg, ext_source, display_progress },
  idempotent: true,
  async run(args, context) {
    const jid = readJid(args.jid)
    await progressOf(args, context)('Querying the job cache')
    return { jid, ...(await printed(jid, context, args.ext_source)) }
  },
})

export const print_job = runner({
  doc: `Shows one job with its returns, under its jid; a jid that the job cache does not know has a key Error.
    Example: reactor run jobs.print_job 20261120091843644180`,
  args: { jid: jidArg, ext_source },
  idempotent: true,
  async run(args, context) {
    const jid = readJid(args.jid)
    return { [jid]: await printed(jid, context, args.ext_source) }
  },
})

export const lookup_jid = runner({
  doc: `Returns what the minions returned, by minion; an empty map where nobody has yet, or the jid is not known.
    Example: reactor run jobs.lookup_jid 20261120091843644180 missing=True`,
  args: {
    jid: jidArg,
    ext_source,
    returned: z.boolean().default(true).describe('those that returned'),
    missing: z.boolean().default(false).describe("those that did not, as 'Minion did not return'"),
    display_progress,
  },
  idempotent: true,
  async run(args, context) {
    const progress = progressOf(args, context)
    await progress('Querying the job cache')
    const job = await wholeJob(readJid(args.jid), context, args.ext_source)
    if (!job) return {}
    for (const id of Object.keys(job.returns).sort()) await progress(id)
    return returnsOf(job, args)
  },
})

export const exit_success = runner({
  doc: `Tells for each minion of a job whether it succeeded there: it returned, with success and the return code 0.
    (Salt's own says true for any return that is not empty, a failed one too.) An unknown jid gives an empty map.
    Example: reactor run jobs.exit_success 20261120091843644180`,
  args: { jid: jidArg, ext_source },
  idempotent: true,
  async run(args, context) {
    const job = await context.cache.job(readJid(args.jid), args.ext_source ?? undefined)
    return job ? successOf(job) : {}
  },
})

export const last_run = runner({
  doc: `Shows the newest job that matches, as print_job does; false where none does.
    Example: reactor run jobs.last_run function='cmd.*' target='web*'`,
  args: {
    ext_source,
    outputter,
    metadata: metadataArg.describe("a map: one of its pairs must be in the job's metadata"),
    function: globs.describe('globs of functions, as a list or with commas'),
    target: globs.describe('globs that match the target as it was given, as a list or with commas'),
    display_progress,
    kind,
  },
  idempotent: true,
  async run(args, context) {
    await progressOf(args, context)('Querying the job cache for jobs')
    const requests = searchRequests(
      { metadata: args.metadata, fun: args.function, tgt: args.target, kind: args.kind, source: args.ext_source },
      Date.now(),
    )
    const [last] = await newestJobs(context.cache.jobs, requests, 1)
    return last ? { [last.jid]: await printed(last.jid, context, args.ext_source) } : false
  },
})

export const master = runner({
  doc: `Lists the runner and wheel functions that run now, this call left out.
    Example: reactor run jobs.master`,
  idempotent: true,
  async run(_args, context) {
    const jobs = await allJobs(context.cache.jobs, [{ active: true, kind: ['runner', 'wheel'] }])
    return jobs.filter(({ jid }) => jid !== context.jid).map(masterJob)
  },
})

export const kill = runner({
  doc: `Ends a job on every minion where it waits or runs, with all the processes that it started, and says for each what
    happened. Minions that are offline do not start it any more when they come back. Beyond Salt. Runner and wheel functions cannot be ended.
    Example: reactor run jobs.kill 20261120091843644180 signal=TERM`,
  args: {
    jid: jidArg,
    signal: z.union([z.number().int(), z.string()]).nullish().describe('the name or number of a signal; default: KILL'),
  },
  idempotent: true,
  async run(args, context) {
    const jid = readJid(args.jid)
    const request = killRequest(jid, args.signal ?? 'KILL')
    const job = jobOnMinions(jid, (await context.cache.job(jid)) ?? (await context.record(jid)), 'ended')
    const minions = killMinions(job, Date.now())
    const forgotten = isEnding(request.fun)
    // First: who comes back from now on does not get it, and who has it by now is asked to end it.
    if (forgotten) await context.forgetMissed(jid)
    const gathered = await context.gather(
      { ...request, tgt: minions, tgt_type: 'list', timeout: ANSWER_S },
      ANSWER_S * 1000,
    )
    return killAnswers(minions, gathered, { seconds: ANSWER_S, forgotten, job })
  },
})

export const retry = runner({
  doc: `Runs a job again, with the same function and arguments, on the minions where it failed, died, timed out or could not
    start, as a new job whose metadata names the old one (retry_of). Beyond Salt. Where it may still run, it is not
    started again. Its returns go to the returners of the old one. Arguments and returners come from the job's record; after
    an hour or so only the job cache has them, without secrets and without ret_kwargs, and a job that had any is refused.
    Returns {jid, minions, comment}; jid is null where there was nothing to retry.
    Example: reactor run jobs.retry 20261120091843644180 'web*'`,
  args: {
    jid: jidArg,
    tgt: globs.describe("globs or ids among the job's minions, as a list or with commas; default: all of them"),
    only_failed: z.boolean().default(true).describe('false: also where it returned well'),
    timeout: z.number().positive().optional().describe('seconds within which minions may start it'),
    run_timeout: z.number().positive().optional().describe('seconds within which it must have ended'),
  },
  guards: { tgt: minionId },
  async run(args, context) {
    const jid = readJid(args.jid)
    const job = jobOnMinions(jid, await context.cache.job(jid), 'retried')
    const choice = { globs: splitInput(args.tgt), onlyFailed: args.only_failed, nowMs: Date.now() }
    const { minions, comment } = planRetry(job, choice)
    if (minions.length === 0) return { jid: null, minions, comment }
    const published = await context.publish({
      tgt: minions,
      tgt_type: 'list',
      fun: job.fun,
      ...argumentsOf(job, await context.record(jid)),
      metadata: { ...job.metadata, retry_of: jid },
      ...(args.timeout === undefined ? {} : { timeout: args.timeout }),
      ...(args.run_timeout === undefined ? {} : { run_timeout: args.run_timeout }),
    })
    const gone = minions.filter(id => !published.minions.includes(id))
    return {
      jid: published.jid,
      minions: published.minions,
      comment: gone.length > 0 ? `${comment}; no longer known: ${gone.join(', ')}` : comment,
    }
  },
})

/** The processes that minions say run their jobs, by jid and minion. */
async function runningPids(
  minions: string[],
  context: RunnerContext,
  progress: (message: string) => Promise<void>,
): Promise<ReturnType<typeof pidsIn>> {
  const { returns } = await context.probe(
    { tgt: minions, tgt_type: 'list', fun: 'saltutil.running', timeout: ANSWER_S },
    ANSWER_S * 1000,
  )
  for (const id of Object.keys(returns).sort()) await progress(`Received reply from minion ${id}`)
  return pidsIn(returns)
}

type Source = string | null | undefined

async function printed(jid: string, context: RunnerContext, source: Source): Promise<Report> {
  const job = await wholeJob(jid, context, source)
  return job ? printedJob(job) : missingJob(jid)
}

async function wholeJob(jid: string, { cache }: RunnerContext, source: Source): Promise<JobView | null> {
  const job = await cache.job(jid, source ?? undefined)
  return job && cache.whole(job)
}

const progressOf =
  (args: { display_progress: boolean }, context: RunnerContext) =>
  async (message: string): Promise<void> => {
    if (args.display_progress) await context.fire(...runProgress.of({ jid: context.jid }, { message }))
  }
