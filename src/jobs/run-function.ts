// Running a runner or wheel function as a job: its record first, then `salt/run/<jid>/new`, the function, and `…/ret`.
import { setMaxListeners } from 'node:events'
import { type Audit, type AuditRecord, failureOf } from '../audit/audit.ts'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { redactSecrets } from '../base/redact.ts'
import type { Fire } from '../bus/fire.ts'
import { callFunction, type Outcome } from '../functions/call.ts'
import type { CallContext, Contexts } from '../functions/context.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import type { Registry } from '../functions/registry.ts'
import type { Untrusted } from '../functions/untrusted.ts'
import { runNew, runReturn, wheelNew, wheelReturn } from '../protocol/catalogue/functions.ts'
import { effectKey } from '../protocol/reaction.ts'
import type { Grants } from '../protocol/role.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import { causedBy, keptTrace, type Trace } from '../protocol/trace.ts'
import type { ValuePath } from '../protocol/trust.ts'
import type { Announce } from './announce.ts'
import { createCallContext } from './call-context.ts'
import { isAway } from './publish.ts'
import type { JobRecords, Work } from './records.ts'
import { createTellReturn, type SeenJob, type TellReturnParts } from './tell-return.ts'

export interface FunctionCall extends Trace {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  user: string
  /** Where from, for the audit record; default: CORE. */
  source?: string
  /** What the operator who asked may, for what the function does in their name; without it the program itself asks. */
  grants?: () => Grants
  work?: Work | undefined
  /** Arguments that an event filled. */
  untrusted?: readonly ValuePath[] | undefined
}

export interface FunctionJobParts<K extends 'runner' | 'wheel'> {
  kind: K
  registry: Registry<K>
  records: JobRecords
  announce: Announce
  fire: Fire
  profiles: CallContext['profiles']
  /** Milliseconds within which a function must end. */
  runTimeoutMs: number
  storeReturn: TellReturnParts['storeReturn']
  audit: Audit
  log: Log
  /** What this kind may use beyond what every function may. */
  extend(context: CallContext, call: FunctionCall & { jid: string }): Contexts[K]
}

export interface RanFunction {
  jid: string
  outcome: Outcome
  /** It did not run now, because it was started before; whether that start came to an end is not known here. */
  begun?: true
  /** A mark says that this work was begun: once it is settled elsewhere, that may go. */
  marked?: true
  /** Resolves once its return is stored, or cannot be. */
  told?: Promise<void>
}

export type RunFunction = (call: FunctionCall) => Promise<RanFunction>

const EVENTS = {
  runner: { new: runNew, return: runReturn },
  wheel: { new: wheelNew, return: wheelReturn },
} as const

/**
 * The outcome is a value; thrown are only `unknown_function` and refusals of the store, before anything ran. Work found
 * started runs again only where its function is idempotent, else the outcome is `outcome_unknown`.
 */
export function createFunctionJobs<K extends 'runner' | 'wheel'>(
  parts: FunctionJobParts<K>,
): { run: RunFunction; stop(): void } {
  const { kind, registry, records, fire, runTimeoutMs, audit, log } = parts
  const stopping = new AbortController()
  // Every return that waits for the store listens to it.
  setMaxListeners(0, stopping.signal)
  const tellReturn = createTellReturn({ ...parts, event: EVENTS[kind].return, stopping: stopping.signal })
  /** Keys of work that is marked and was not started, because what comes before the start failed. */
  const unstarted = new Set<string>()

  const run: RunFunction = async call => {
    const { fun, user, source = 'CORE' } = call
    const record = { user, source, action: fun.slice(0, 200).toWellFormed() }
    try {
      const ran = await start(call)
      audit(kind, { ...record, ...endOf(ran.outcome), jid: ran.jid }, call)
      return ran
    } catch (error) {
      // Work is tried until the store is there, which could not take a record of each try either.
      if (!call.work || !isAway(error)) audit(kind, { ...record, ...failureOf(error) }, call)
      throw error
    }
  }

  const start: RunFunction = async call => {
    const fn = registry.get(call.fun)
    const hops = (call.hops ?? 0) + 1
    const { fun, arg, kwarg, user, chain, work } = call
    if (stopping.signal.aborted) throw new ReactorError('unreachable', 'this process is stopping; ask again')
    const brief = withoutBulk(fn, call)
    const shown: Shown = { fun: `${kind}.${fun}`, user, fun_args: saltArgs(brief.arg, brief.kwarg) }
    const begun = await begin({ ...call, ...brief }, fn, shown, hops)
    const { jid, marked } = begun
    const mark = marked ? ({ marked } as const) : {}
    if (begun.before) {
      const message = `${kind} ${fun} was started before as job ${jid} and is not idempotent: whether it was done is not known`
      return { jid, outcome: { ok: false, code: 'outcome_unknown', message }, begun: true, ...mark }
    }
    const seen = seenAs(jid, shown)
    const trace = causedBy(jid, { hops, chain })
    const base = createCallContext(
      { jid, fun, user, key: work ? effectKey(work.key) : jid },
      parts,
      stopping.signal,
      (tag, data) => fire(tag, data, trace),
    )
    const outcome = await callFunction(
      registry,
      fun,
      arg,
      kwarg,
      parts.extend(base.context, { ...call, jid }),
      untrustedIn(call),
    )
    base.end()
    if (!outcome.ok && outcome.stack)
      log.warn({ jid, fun, stack: outcome.stack }, 'a function failed on an exception of its own')
    // Work that was cut short is taken up again under the same jid: it has not returned yet.
    if (work && !outcome.ok && outcome.code === 'stopped') return { jid, outcome }
    return { jid, outcome, told: tellReturn({ fn, seen, trace, outcome, isWork: work !== undefined }), ...mark }
  }
  /**
   * Takes the job's jid and announces it, after the mark of what may not be done twice. `before`: it was started before, and
   * may not be started again.
   */
  const begin = async (
    call: FunctionCall,
    fn: { idempotent: boolean },
    shown: Shown,
    hops: number,
  ): Promise<{ jid: string; before: boolean; marked: boolean }> => {
    const { fun, arg, kwarg, user, cause, chain, work } = call
    const now = Date.now()
    const told = (jid: string) => EVENTS[kind].new.of({ jid }, { ...seenAs(jid, shown), ...times })
    const times = { deadline: now, run_until: now + runTimeoutMs }
    if (work) {
      const mark = fn.idempotent ? undefined : await records.mark(work)
      const before = mark?.before === true && !unstarted.delete(work.key)
      const { key } = work
      const { causeMs } = mark ?? work
      try {
        // What was begun before finds the jid that it has.
        const jid = await parts.announce({ key, causeMs }, { event: told, trace: { cause, hops, chain } })
        return { jid, before, marked: mark !== undefined }
      } catch (error) {
        if (mark && !before) unstarted.add(key)
        throw error
      }
    }
    const { record } = await records.open(
      {
        // For reading.
        ...{ kind, fun, ...(redactSecrets({ arg, kwarg }) as Pick<FunctionCall, 'arg' | 'kwarg'>), user },
        ...{ ...times, hops, ...keptTrace(call) },
      },
      {},
    )
    const { jid, announce: id } = record
    await fire(...told(jid), { id, cause, hops, chain })
    return { jid, before: false, marked: false }
  }

  return { run, stop: () => stopping.abort(new ReactorError('function_failed', 'the process is stopping')) }
}

type Shown = Omit<SeenJob, 'jid'>

const seenAs = (jid: string, { fun, user, fun_args }: Shown): SeenJob => ({ fun, jid, user, fun_args })

/** What a function refuses says who and what; other failures may repeat arguments. */
const endOf = (outcome: Outcome): Pick<AuditRecord, 'result' | 'reason'> =>
  outcome.ok ? { result: 'ok' } : failureOf(new ReactorError(outcome.code, outcome.message))

const untrustedIn = ({ untrusted = [], user }: FunctionCall): Untrusted | undefined =>
  untrusted.length === 0 ? undefined : { paths: untrusted, by: user }

/** Arguments as they are told of: in place of a bulky one its size. */
function withoutBulk({ args, bulky }: FunctionDefinition, given: Pick<FunctionCall, 'arg' | 'kwarg'>) {
  if (bulky.length === 0) return given
  const names = Object.keys(args)
  const size = (name: string | undefined, value: unknown) =>
    name !== undefined && bulky.includes(name) && value !== null
      ? `[${Buffer.byteLength(JSON.stringify(value) ?? '')} bytes]`
      : value
  return {
    arg: given.arg.map((value, at) => size(names[at], value)),
    kwarg: Object.fromEntries(Object.entries(given.kwarg).map(([name, value]) => [name, size(name, value)])),
  }
}
