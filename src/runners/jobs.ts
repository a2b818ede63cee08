// Runner `jobs`: the jobs that run and ran, from the job cache, with Salt's arguments and in Salt's shapes; ending and
// retrying them.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { RunnerContext } from '../functions/context.ts'
import { runner } from '../functions/define.ts'
import { JOB_KINDS } from '../protocol/job.ts'
import type { JobView } from '../protocol/job-view.ts'
import { readJid } from '../report/jid.ts'
import {
  activeJob,
  busyMinions,
  filteredJob,
  listedJob,
  masterJob,
  missingJob,
  pidsIn,
  printedJob,
  type Report,
  returnsOf,
  successOf,
} from '../report/job.ts'
import { isEnding, killAnswers, killMinions, killRequest, tookIt } from '../report/kill.ts'
import { argumentsOf, countsOf, minionsToRetry, strangersTo } from '../report/retry.ts'
import { allJobs, newestJobs, searchRequests, splitInput } from '../report/search.ts'

/** Seconds that minions have to answer what a runner asks them about their jobs. */
const ANSWER_S = 5

const jidArg = z.string().describe('the job id, 20 digits')
const ext_source = z
  .unknown()
  .nullish()
  .refine(
    given => given == null,
    'jobs are kept in the job cache alone, there is no external one to choose: leave it out',
  )
  .describe('not supported: there is no external job cache')
const outputter = z
  .unknown()
  .nullish()
  .refine(given => given == null, 'the caller chooses how an answer is printed, with --out: leave it out')
  .describe('not supported: choose with --out')
const display_progress = z
  .boolean()
  .default(false)
  .describe('fires salt/run/<jid>/progress events with a message for each step')
const globs = z.union([z.string(), z.array(z.string())]).nullish()
const metadataArg = z.record(z.string(), z.unknown()).nullish()
const kind = z
  .union([z.enum(JOB_KINDS), z.array(z.enum(JOB_KINDS)).min(1)])
  .default('local')
  .describe('beyond Salt: jobs on minions (local), runner or wheel functions, or a list of these')

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
    const requests = searchRequests({ kind: args.kind, withoutFindJob: args.filter_find_job }, Date.now())
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
    return { jid, ...(await printed(jid, context)) }
  },
})

export const print_job = runner({
  doc: `Shows one job with its returns, under its jid; a jid that the job cache does not know has a key Error.
    Example: reactor run jobs.print_job 20261120091843644180`,
  args: { jid: jidArg, ext_source },
  idempotent: true,
  async run(args, context) {
    const jid = readJid(args.jid)
    return { [jid]: await printed(jid, context) }
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
    const job = await wholeJob(readJid(args.jid), context)
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
    const job = await context.cache.job(readJid(args.jid))
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
      { metadata: args.metadata, fun: args.function, tgt: args.target, kind: args.kind },
      Date.now(),
    )
    const [last] = await newestJobs(context.cache.jobs, requests, 1)
    return last ? { [last.jid]: await printed(last.jid, context) } : false
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
    const job = (await context.cache.job(jid)) ?? (await context.record(jid))
    if (!job) throw noSuchJob(jid)
    refuseOtherKinds(job, 'ended')
    const minions = killMinions(job, Date.now())
    if (minions.length === 0) {
      const counts = 'counts' in job ? ` (${countsOf(job)})` : ''
      throw new ReactorError('function_failed', `job ${jid} has ended on all its minions${counts}: nothing to end`)
    }
    const forgotten = isEnding(request.fun)
    // First: who comes back from now on does not get it, and who has it by now is asked to end it.
    if (forgotten) await context.forgetMissed(jid)
    const gathered = await context.gather(
      { ...request, tgt: minions, tgt_type: 'list', timeout: ANSWER_S },
      ANSWER_S * 1000,
    )
    return killAnswers(minions, gathered, { seconds: ANSWER_S, forgotten, took: tookIt(job) })
  },
})

export const retry = runner({
  doc: `Runs a job again, with the same function and arguments, on the minions where it failed, died, timed out or could not
    start, as a new job whose metadata names the old one (retry_of). Beyond Salt. Where it may still run, it is not
    started again. The arguments come from the job's record; after an hour or so only the job cache has them, without
    secrets, and a job that had any is refused.
    Returns {jid, minions, comment}; jid is null where there was nothing to retry.
    Example: reactor run jobs.retry 20261120091843644180 'web*'`,
  args: {
    jid: jidArg,
    tgt: globs.describe("globs or ids among the job's minions, as a list or with commas; default: all of them"),
    only_failed: z.boolean().default(true).describe('false: also where it returned well'),
    timeout: z.number().positive().optional().describe('seconds within which minions may start it'),
    run_timeout: z.number().positive().optional().describe('seconds within which it must have ended'),
  },
  async run(args, context) {
    const jid = readJid(args.jid)
    const job = await context.cache.job(jid)
    if (!job) throw noSuchJob(jid)
    refuseOtherKinds(job, 'retried')
    const globs = splitInput(args.tgt)
    const strangers = strangersTo(job, globs)
    if (strangers.length > 0) {
      const more = job.minions.length > 5 ? ` and ${job.minions.length - 5} more` : ''
      const were = `${job.minions.slice(0, 5).join(', ')}${more}`
      throw new ReactorError('bad_argument', `job ${jid} was not for ${strangers.join(', ')}: it was for ${were}`)
    }
    const minions = minionsToRetry(job, { globs, onlyFailed: args.only_failed, nowMs: Date.now() })
    if (minions.length === 0) {
      const among = globs.length > 0 ? ` among ${globs.join(', ')}` : ''
      return { jid: null, minions: [], comment: `nothing to retry${among}: ${countsOf(job)}` }
    }
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
      comment: `retries ${jid}${gone.length > 0 ? `; no longer known: ${gone.join(', ')}` : ''}`,
    }
  },
})

/** The processes that minions say run their jobs, by jid and minion. */
async function runningPids(
  minions: string[],
  context: RunnerContext,
  progress: (message: string) => Promise<void>,
): Promise<ReturnType<typeof pidsIn>> {
  const { returns } = await context.gather(
    { tgt: minions, tgt_type: 'list', fun: 'saltutil.running', timeout: ANSWER_S },
    ANSWER_S * 1000,
  )
  for (const id of Object.keys(returns).sort()) await progress(`Received reply from minion ${id}`)
  return pidsIn(returns)
}

async function printed(jid: string, context: RunnerContext): Promise<Report> {
  const job = await wholeJob(jid, context)
  return job ? printedJob(job) : missingJob(jid)
}

async function wholeJob(jid: string, { cache }: RunnerContext): Promise<JobView | null> {
  const job = await cache.job(jid)
  return job && cache.whole(job)
}

const progressOf =
  (args: { display_progress: boolean }, context: RunnerContext) =>
  async (message: string): Promise<void> => {
    if (args.display_progress) await context.fire(`salt/run/${context.jid}/progress`, { message })
  }

const noSuchJob = (jid: string) =>
  new ReactorError('bad_argument', `there is no job ${jid}, or not any more: jobs.list_jobs lists those that are kept`)

function refuseOtherKinds(job: { jid: string; kind: string; fun: string }, what: string): void {
  if (job.kind === 'local') return
  throw new ReactorError(
    'bad_argument',
    `job ${job.jid} is the ${job.kind} function ${job.fun}: only jobs on minions can be ${what}`,
  )
}
