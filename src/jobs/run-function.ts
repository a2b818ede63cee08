// Running a runner or wheel function as a job: its record first, then `salt/run/<jid>/new`, the function, and `…/ret`.
import { setMaxListeners } from 'node:events'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import { callFunction, type Outcome } from '../functions/call.ts'
import type { CallContext, Contexts } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { JobRecords, Work } from './records.ts'

export interface FunctionCall {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  user: string
  cause?: string | undefined
  hops?: number
  work?: Work | undefined
}

export interface FunctionJobParts<K extends 'runner' | 'wheel'> {
  kind: K
  registry: Registry<K>
  records: JobRecords
  fire: Fire
  profiles: CallContext['profiles']
  /** Milliseconds within which a function must end. */
  runTimeoutMs: number
  /** Stores the JSON text of a return that is larger than a message. */
  storeReturn(jid: string, json: string): Promise<PayloadRef>
  log: Log
  /** What this kind may use beyond what every function may. */
  extend(context: CallContext, call: FunctionCall & { jid: string }): Contexts[K]
}

export type RunFunction = (call: FunctionCall) => Promise<{ jid: string; outcome: Outcome }>

const TAG = { runner: 'run', wheel: 'wheel' } as const

/**
 * The outcome is a value; thrown are only `unknown_function` and refusals of the store, before anything ran. Work found
 * started runs again only where its function is idempotent, else the outcome is `outcome_unknown`.
 */
export function createFunctionJobs<K extends 'runner' | 'wheel'>(
  parts: FunctionJobParts<K>,
): { run: RunFunction; stop(): void } {
  const { kind, registry, records, fire, runTimeoutMs, log } = parts
  const stopping = new AbortController()
  // Every function in hand listens to it.
  setMaxListeners(0, stopping.signal)
  /** Jobs that have a record and were not started, because what comes before the start failed. */
  const unstarted = new Set<string>()

  const run: RunFunction = async call => {
    const fn = registry.get(call.fun)
    const hops = (call.hops ?? 0) + 1
    const { fun, arg, kwarg, user, cause, work } = call
    if (stopping.signal.aborted) throw new ReactorError('unreachable', 'this process is stopping; ask again')
    const now = Date.now()
    const { record, resumed } = await records.open(
      { kind, fun, arg, kwarg, user, deadline: now, run_until: now + runTimeoutMs, hops, ...(cause ? { cause } : {}) },
      // What must not run twice is remembered for as long as its cause can come again.
      { work, keep: work !== undefined && !fn.idempotent ? 'long' : 'short' },
    )
    const { jid } = record
    const begun = resumed && !unstarted.delete(jid)
    if (begun && !fn.idempotent) {
      const message = `${kind} ${fun} was started before as job ${jid} and is not idempotent: whether it was done is not known`
      return { jid, outcome: { ok: false, code: 'outcome_unknown', message } }
    }
    const seen = { fun: `${kind}.${fun}`, jid, user, fun_args: saltArgs(arg, kwarg) }
    const { deadline, run_until } = record
    try {
      await fire(`salt/${TAG[kind]}/${jid}/new`, { ...seen, deadline, run_until }, { id: record.announce, cause, hops })
    } catch (error) {
      // Only work comes again under its jid.
      if (work) unstarted.add(jid)
      throw error
    }
    const limits = limitedBy(stopping.signal, runTimeoutMs)
    const base: CallContext = {
      jid,
      user,
      key: record.key,
      log: log.child({ jid, fun }),
      signal: limits.signal,
      profiles: parts.profiles,
      docs: () => registry.docs(),
      fire: async (tag, data) => void (await fire(tag, data, { cause: jid, hops })),
    }
    const outcome = await callFunction(registry, fun, arg, kwarg, parts.extend(base, { ...call, jid }))
    limits.end()
    if (!outcome.ok && outcome.stack)
      log.warn({ jid, fun, stack: outcome.stack }, 'a function failed on an exception of its own')
    // Work that was cut short is taken up again under the same jid: it has not returned yet.
    if (work && !outcome.ok && outcome.code === 'stopped') return { jid, outcome }
    const returned = outcome.ok ? outcome.value : outcome.message
    const tell = (value: unknown, payload?: PayloadRef) => {
      const data = { ...seen, return: value, success: outcome.ok, ...(payload ? { payload } : {}) }
      return fire(`salt/${TAG[kind]}/${jid}/ret`, data, { cause: jid, hops })
    }
    try {
      await tell(returned)
        .catch(async error => {
          if (!isTooLarge(error)) throw error
          return tell(null, await parts.storeReturn(jid, JSON.stringify(returned)))
        })
        .catch(error => tell(`the return cannot be stored: ${errorMessage(error)}`))
    } catch (error) {
      // The function has run: that nobody can be told must not read as its failure, nor have it run again.
      log.error({ jid, fun, error: errorMessage(error) }, 'a return could not be stored')
    }
    return { jid, outcome }
  }
  return { run, stop: () => stopping.abort(new ReactorError('function_failed', 'the process is stopping')) }
}

const isTooLarge = (error: unknown): boolean => error instanceof ReactorError && error.code === 'bad_event'

/** A signal that aborts with the process, or when the time of one function is over. `end` lets go of both. */
function limitedBy(stopping: AbortSignal, ms: number): { signal: AbortSignal; end(): void } {
  const own = new AbortController()
  const onStop = () => own.abort(stopping.reason)
  stopping.addEventListener('abort', onStop, { once: true })
  const over = () => own.abort(new ReactorError('timeout', `it ran for ${formatDuration(ms)} and was stopped`))
  const timer = setTimeout(over, Math.min(ms, LONGEST_TIMER_MS)).unref()
  const end = () => {
    clearTimeout(timer)
    stopping.removeEventListener('abort', onStop)
  }
  return { signal: own.signal, end }
}
