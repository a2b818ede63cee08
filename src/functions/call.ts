// Calling a loaded function: arguments bound and validated, the outcome as a value. A failure of the function is an
// outcome, never an exception of the caller.
import { asReactorError, type Code, ReactorError } from '../base/errors.ts'
import { bindArgs } from './args.ts'
import type { Contexts, Kind } from './context.ts'
import type { Registry } from './registry.ts'
import type { Untrusted } from './untrusted.ts'

/** `value`: of one that failed and has a return all the same (see failed-return.ts). */
export type Outcome =
  | { ok: true; value: unknown }
  | { ok: false; code: Code; message: string; stack?: string; value?: unknown }

/** Looks up, binds and runs. A function that returns nothing returned null. `untrusted`: arguments that an event filled. */
export async function callFunction<K extends Kind>(
  registry: Registry<K>,
  name: string,
  arg: readonly unknown[],
  kwarg: Readonly<Record<string, unknown>>,
  context: Contexts[K],
  untrusted?: Untrusted,
): Promise<Outcome> {
  try {
    const fn = registry.get(name)
    const args = bindArgs(name, fn, arg, kwarg, untrusted)
    const value = await fn.run(args, context)
    return { ok: true, value: value ?? null }
  } catch (thrown) {
    const reason: unknown = context.signal?.aborted ? context.signal.reason : undefined
    if (reason instanceof ReactorError && reason.code === 'timeout') return failure(reason)
    if (reason !== undefined)
      return { ok: false, code: 'stopped', message: 'the process was stopped before it was done' }
    return failure(thrown)
  }
}

/**
 * What is wrong with the call itself, and that something is away which the function needs: who asked has an exit code for that.
 * Whatever else a function meets on its way is its failure.
 */
const KEPT: ReadonlySet<Code> = new Set([
  'bad_argument',
  'unknown_function',
  'no_minions',
  'outcome_unknown',
  'forbidden',
  'unreachable',
])

function failure(thrown: unknown): Outcome {
  if (thrown instanceof ReactorError)
    return {
      ...{ ok: false, code: KEPT.has(thrown.code) ? thrown.code : 'function_failed', message: thrown.message },
      ...(Object.hasOwn(thrown.details, 'return') ? { value: thrown.details.return } : {}),
    }
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return { ok: false, code: 'function_failed', message: 'the job was stopped before it was done' }
  }
  const error = asReactorError(thrown)
  const stack = thrown instanceof Error ? thrown.stack : undefined
  return { ok: false, code: 'function_failed', message: error.message, ...(stack ? { stack } : {}) }
}
