// Module `saltutil`: the jobs that run on a minion, by their jids, and what the minion knows of itself.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { signalNumber } from '../base/signals.ts'
import { execution } from '../functions/define.ts'
import { fixed, functionName, target } from '../functions/guards.ts'
import type { ExecutionContext, RunningJob } from '../functions/minion-context.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { returningOf } from '../protocol/returning.ts'

const SIGTERM = 15
const SIGKILL = 9
const PEER_TIMEOUT_MS = 300_000
const returners = fixed('the place where returns go')

const jid = z.coerce
  .string()
  .regex(/^\d{20}$/, 'a jid has 20 digits')
  .describe('the id of the job')

export const running = execution({
  doc: `Lists the jobs that run on the minion, this one left out: jid, fun, arg, pid, tgt, tgt_type, user of each.
    Example: reactor call web1 saltutil.running`,
  idempotent: true,
  run: (_args, context) => others(context),
})

export const find_job = execution({
  doc: `Returns a job that runs on the minion, as saltutil.running shows it; an empty map where it does not run.
    Example: reactor call web1 saltutil.find_job 20260101120000000000`,
  args: { jid },
  idempotent: true,
  run: ({ jid }, context) => others(context).find(job => job.jid === jid) ?? {},
})

export const is_running = execution({
  doc: `Lists the jobs that run a function, which may be a glob, as saltutil.running shows them.
    Example: reactor call web1 saltutil.is_running 'state.*'`,
  args: { fun: z.string().min(1).describe('module.function, or a glob of it') },
  idempotent: true,
  run({ fun }, context) {
    const matches = createFnmatch(fun)
    return others(context).filter(job => matches(job.fun))
  },
})

export const signal_job = execution({
  doc: `Sends a signal to a job: to everything that it started. Says which, or nothing where it does not run.
    15 and 9 also end a job that has no process of its own. A job that is ended has a return in any case.
    Example: reactor call web1 saltutil.signal_job 20260101120000000000 10`,
  args: { jid, sig: z.union([z.number(), z.string()]).describe('number or name of the signal, such as 10 or USR1') },
  run: ({ jid, sig }, context) => signal(jid, signalNumber(sig), context),
})

export const term_job = execution({
  doc: `Ends a job: all that it started is asked to end (signal 15), and killed where it has not two seconds later.
    Example: reactor call web1 saltutil.term_job 20260101120000000000`,
  args: { jid },
  run: ({ jid }, context) => signal(jid, SIGTERM, context),
})

export const kill_job = execution({
  doc: `Kills a job with all that it started (signal 9).
    Example: reactor call web1 saltutil.kill_job 20260101120000000000`,
  args: { jid },
  run: ({ jid }, context) => signal(jid, SIGKILL, context),
})

export const term_all_jobs = execution({
  doc: `Ends every job that runs on the minion as saltutil.term_job does, this one left out, and says what it sent.
    Example: reactor call web1 saltutil.term_all_jobs`,
  run: (_args, context) => signalAll(SIGTERM, context),
})

export const kill_all_jobs = execution({
  doc: `Kills every job that runs on the minion as saltutil.kill_job does, this one left out, and says what it sent.
    Example: reactor call web1 saltutil.kill_all_jobs`,
  run: (_args, context) => signalAll(SIGKILL, context),
})

export const find_cached_job = execution({
  doc: `Returns a finished job that the minion itself still remembers, with its return; a text where it does not.
    It remembers as many as 'minion.cache_jobs' in its config says.
    Example: reactor call web1 saltutil.find_cached_job 20260101120000000000`,
  args: { jid },
  idempotent: true,
  async run({ jid }, { jobs, setRetcode }) {
    const found = await jobs.cached(jid)
    if (found) return found
    setRetcode(1)
    return `job ${jid} is not in this minion's cache: it did not run here, it still runs, or minion.cache_jobs others came after it`
  },
})

export const refresh_grains = execution({
  doc: `Collects the grains anew and sends them to the master's side; true once they are stored there.
    The pillar, which is made from them, is fetched anew too, unless refresh_pillar is false.
    Example: reactor call web1 saltutil.refresh_grains`,
  args: { refresh_pillar: z.boolean().default(true).describe('fetch the pillar anew too') },
  idempotent: true,
  async run({ refresh_pillar: withPillar }, context) {
    await context.refreshGrains()
    if (withPillar) await context.pillar.refresh()
    return true
  },
})

export const refresh_pillar = execution({
  doc: `Has the pillar compiled anew, and goes on with it: its schedule, too. True once it is in force.
    Where an SLS of it cannot be rendered the rest is in force, and the job fails with what is wrong.
    Example: reactor call web1 saltutil.refresh_pillar`,
  args: {
    wait: z
      .boolean()
      .default(true)
      .refine(wait => wait, 'the pillar is always waited for: leave it out')
      .describe('not supported but true'),
  },
  idempotent: true,
  async run(_args, context) {
    const { errors } = await context.pillar.refresh()
    if (errors.length > 0) throw new ReactorError('function_failed', `Pillar failed to render:\n${errors.join('\n')}`)
    return true
  },
})

export const cmd = execution({
  doc: `Runs a function on other minions and returns what each returned: {id: {ret, retcode, jid}}.
    The job workers' config must allow it to this minion (jobs.peer). Minions that did not answer in time are left out.
    Example: reactor call web1 saltutil.cmd 'db*' test.ping timeout=10`,
  args: {
    tgt: z.union([z.string(), z.array(z.string())]).describe('the minions'),
    fun: z.string().describe('module.function'),
    arg: z.array(z.unknown()).default([]).describe('its positional arguments'),
    timeout: z
      .union([z.number(), z.string()])
      .nullish()
      .describe('seconds, or a duration such as 5m, to wait for the returns; default: 5m'),
    tgt_type: z.string().default('glob').describe('how the target is meant: glob, list, grain, compound, …'),
    ret: z.string().default('').describe('returners that take the returns besides the job cache, with commas'),
    kwarg: z.record(z.string(), z.unknown()).nullish().describe('its named arguments'),
    subset: z.number().int().min(1).optional().describe('only so many of the minions that match, drawn by lot'),
    ret_config: z.string().optional().describe('their settings under this name come before their others'),
    ret_kwargs: z.record(z.string(), z.unknown()).optional().describe('settings of theirs that come before all others'),
  },
  guards: {
    ...{ tgt: target, fun: functionName, tgt_type: fixed('the type of a target') },
    ...{ ret: returners, ret_config: returners, ret_kwargs: returners },
  },
  async run({ tgt, fun, arg, timeout, tgt_type, kwarg, subset, ...returning }, context) {
    const gathered = await context.peer({
      tgt,
      fun,
      arg,
      kwarg: kwarg ?? {},
      tgt_type: tgt_type === 'glob' && Array.isArray(tgt) ? 'list' : tgt_type,
      timeoutMs: timeout === undefined || timeout === null ? PEER_TIMEOUT_MS : parseDuration(timeout),
      ...(subset === undefined ? {} : { subset }),
      ...returningOf(returning),
    })
    const returns = Object.entries(gathered.returns)
    if (returns.some(([, { success }]) => !success)) context.setRetcode(1)
    return Object.fromEntries(
      returns.map(([id, { return: ret, retcode }]) => [id, { ret, retcode, jid: gathered.jid }]),
    )
  },
})

export const clear_cache = execution({
  doc: `Removes the minion's copies of the master's files; returns true. They are fetched again when they are asked for.
    Example: reactor call web1 saltutil.clear_cache`,
  idempotent: true,
  async run(_args, { files }) {
    await files.clear()
    return true
  },
})

const others = ({ jobs, jid }: ExecutionContext): RunningJob[] => jobs.running().filter(job => job.jid !== jid)

/** Salt's words; an empty text where no such job runs. */
function signal(jid: string, sig: number, { jobs }: ExecutionContext): string {
  const job = jobs.running().find(one => one.jid === jid)
  const pids = jobs.signal(jid, sig)
  if (pids === undefined) return ''
  if (pids.length > 0) return `Signal ${sig} sent to job ${jid} at pid ${pids.join(', ')}`
  if (sig !== SIGTERM && sig !== SIGKILL) {
    throw new ReactorError(
      'function_failed',
      `job ${jid} has no process of its own that a signal could reach; 15 and 9 end it all the same`,
    )
  }
  return `Signal ${sig} sent to job ${jid} at ${job ? `pid ${job.pid}` : 'its place in the line: it had not started'}`
}

function signalAll(sig: number, context: ExecutionContext): string[] {
  return others(context).map(({ jid }) => signal(jid, sig, context))
}
