// Running a runner or wheel function as a job: its record first, then `salt/run/<jid>/new`, the function, and `…/ret`.
import { setMaxListeners } from 'node:events'
import { type Audit, type AuditRecord, failureOf } from '../audit/audit.ts'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { REDACTED, redactSecrets } from '../base/redact.ts'
import type { Fire } from '../bus/fire.ts'
import { callFunction, type Outcome } from '../functions/call.ts'
import type { CallContext, Contexts } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'
import type { Untrusted } from '../functions/untrusted.ts'
import type { PayloadRef } from '../protocol/job.ts'
import type { Grants } from '../protocol/role.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { ValuePath } from '../protocol/trust.ts'
import { isAway } from './publish.ts'
import type { JobRecords, Work } from './records.ts'

export interface FunctionCall {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  user: string
  /** Where from, for the audit record; default: CORE. */
  source?: string
  /** What the operator who asked may, for what the function does in their name; without it the program itself asks. */
  grants?: () => Grants
  cause?: string | undefined
  hops?: number
  work?: Work | undefined
  /** Arguments that an event filled. */
  untrusted?: readonly ValuePath[] | undefined
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
  audit: Audit
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
  const { kind, registry, records, fire, runTimeoutMs, audit, log } = parts
  const stopping = new AbortController()
  // Every function in hand listens to it.
  setMaxListeners(0, stopping.signal)
  /** Jobs that have a record and were not started, because what comes before the start failed. */
  const unstarted = new Set<string>()

  const run: RunFunction = async call => {
    const { fun, user, source = 'CORE', cause, hops = 0 } = call
    const record = { user, source, action: fun.slice(0, 200).toWellFormed() }
    try {
      const { jid, outcome } = await start(call)
      audit(kind, { ...record, ...endOf(outcome), jid }, { cause, hops })
      return { jid, outcome }
    } catch (error) {
      // Work is tried until the store is there, which could not take a record of each try either.
      if (!call.work || !isAway(error)) audit(kind, { ...record, ...failureOf(error) }, { cause, hops })
      throw error
    }
  }

  const start: RunFunction = async call => {
    const fn = registry.get(call.fun)
    const hops = (call.hops ?? 0) + 1
    const { fun, arg, kwarg, user, cause, work } = call
    if (stopping.signal.aborted) throw new ReactorError('unreachable', 'this process is stopping; ask again')
    const now = Date.now()
    // Whoever takes work over has its arguments from the work itself: in the record they are for reading.
    const shown = redactSecrets({ arg, kwarg }) as Pick<FunctionCall, 'arg' | 'kwarg'>
    const { record, resumed } = await records.open(
      { kind, fun, ...shown, user, deadline: now, run_until: now + runTimeoutMs, hops, ...(cause ? { cause } : {}) },
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
    const outcome = await callFunction(
      registry,
      fun,
      arg,
      kwarg,
      parts.extend(base, { ...call, jid }),
      untrustedIn(call),
    )
    limits.end()
    if (!outcome.ok && outcome.stack)
      log.warn({ jid, fun, stack: outcome.stack }, 'a function failed on an exception of its own')
    // Work that was cut short is taken up again under the same jid: it has not returned yet.
    if (work && !outcome.ok && outcome.code === 'stopped') return { jid, outcome }
    const returned = outcome.ok ? hideSecrets(outcome.value, fn.secrets) : outcome.message
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

/** What a function refuses says who and what; other failures may repeat arguments. */
const endOf = (outcome: Outcome): Pick<AuditRecord, 'result' | 'reason'> =>
  outcome.ok ? { result: 'ok' } : failureOf(new ReactorError(outcome.code, outcome.message))

const untrustedIn = ({ untrusted = [], user }: FunctionCall): Untrusted | undefined =>
  untrusted.length === 0 ? undefined : { paths: untrusted, by: user }

/** A return as others may see it: without what only the caller is given. */
function hideSecrets(value: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0 || !isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secrets.includes(key) ? REDACTED : inner]),
  )
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
