// Runner and wheel functions that a runner function calls: in the name of who asked, held to their roles, each a job of its own.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Audit } from '../audit/audit.ts'
import { ReactorError } from '../base/errors.ts'
import { requestJson } from '../bus/request.ts'
import type { Kind } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import { matchesFunction } from '../operators/may.ts'
import type { Subjects } from '../protocol/subject.ts'
import { everyArgument } from '../protocol/trust.ts'
import type { Asked } from './publish.ts'
import type { FunctionCall, RunFunction } from './run-function.ts'
import { hideSecrets } from './tell-return.ts'
import { wheelRequest } from './wheel-client.ts'

export interface InnerCallParts {
  nc: NatsConnection
  subjects: Subjects
  runFunction: RunFunction
  /** What the functions say of themselves; those of the master as this worker has them. */
  registries: { [K in 'runner' | 'wheel']: Pick<Registry<K>, 'names' | 'get'> }
  audit: Audit
}

/** A function that calls itself would never end. */
const MOST_WITHIN = 50
const WHEEL_TIMEOUT_MS = 60_000

export function runnerCalls(parts: InnerCallParts, call: FunctionCall, asked: Asked): RunnerContext['run'] {
  const { nc, subjects, runFunction, registries, audit } = parts
  return async (kind, fun, arg = [], kwarg = {}) => {
    requireRight(kind, fun)
    if ((asked.hops ?? 0) > MOST_WITHIN)
      throw new ReactorError('bad_argument', `${kind} '${fun}': calls within calls, at most ${MOST_WITHIN}`)
    const untrusted = call.untrusted?.length ? everyArgument(arg, kwarg) : undefined
    const inner: FunctionCall = { fun, arg, kwarg, ...asked, untrusted }
    const shown = (value: unknown) => hideSecrets(value, secretsOf(registries[kind], fun))
    if (kind === 'wheel') {
      const { headers, body } = wheelRequest({ ...inner, hops: (inner.hops ?? 0) + 1 })
      const options = { timeoutMs: WHEEL_TIMEOUT_MS, headers, what: `wheel ${fun}` }
      return { success: true, return: shown(await requestJson(nc, subjects.wheel(fun), body, options)) }
    }
    const { jid, outcome } = await runFunction(inner)
    if (outcome.ok) return { jid, success: true, return: shown(outcome.value) }
    return { jid, success: false, return: 'value' in outcome ? shown(outcome.value) : outcome.message }
  }

  function requireRight(kind: 'runner' | 'wheel', fun: string): void {
    const { user, source = 'CORE', grants } = asked
    if (!grants || matchesFunction(grants()[kind], fun)) return
    const reason = `'${user}' may not call ${kind} '${fun}': no role of theirs grants it`
    audit(kind, { user, source, action: fun.slice(0, 200).toWellFormed(), result: 'refused', reason }, asked)
    throw new ReactorError('forbidden', reason)
  }
}

const secretsOf = <K extends Kind>(registry: Pick<Registry<K>, 'names' | 'get'>, fun: string): readonly string[] =>
  registry.names().includes(fun) ? registry.get(fun).secrets : []
