// One state as it is called: its conditions, its function, what it does where something that it watches has changed, and
// its retries. Whatever fails on the way is a failed result.
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage } from '../base/errors.ts'
import { bindArgs } from '../functions/args.ts'
import type { Contexts } from '../functions/context.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import type { Registry } from '../functions/registry.ts'
import type { OfAState, RequiredState } from '../functions/state-context.ts'
import { type Conditions, checked, unwanted } from './conditions.ts'
import { checkReturn, type Done, failed, hasChanges } from './result.ts'
import { attemptComment, readRetry, wouldRetry } from './retry.ts'
import type { Chunk } from './types.ts'
import { argumentsOf } from './words.ts'

/** Functions of states, of a minion or of an orchestration. */
export type StateKind = 'state' | 'orchestration'

export interface CallParts<K extends StateKind> {
  registry: Pick<Registry<K>, 'get'>
  /** What the function may use, and what it has to know of the state itself. */
  contextOf(of: OfAState): Contexts[K]
  shared: Map<string, unknown>
  signal: AbortSignal
  conditions?: Conditions | undefined
}

export interface How {
  test: boolean
  /** Something that it watches has changed. */
  changed: boolean
  /** Only what it does then. */
  watchOnly?: boolean
  /** Only asked about: it is not tried again. */
  dry?: boolean
  required(): RequiredState[]
}

export const functionOf = ({ state, fun }: Chunk): string => `${state}.${fun}`

export async function callState<K extends StateKind>(parts: CallParts<K>, chunk: Chunk, how: How): Promise<Done> {
  try {
    const retry = readRetry(chunk.retry)
    if (!retry || how.dry) return await attempt(parts, chunk, how)
    if (how.test) {
      const done = await attempt(parts, chunk, how)
      return { ...done, comment: [done.comment, wouldRetry(retry)].filter(Boolean).join('  ') }
    }
    const told: string[] = []
    for (let n = 1; ; n++) {
      const done = await attempt(parts, chunk, how)
      if (done.result === retry.until || n >= retry.attempts || parts.signal.aborted)
        return told.length === 0 ? done : { ...done, comment: [...told, done.comment].join('\n') }
      told.push(attemptComment(n, done.result === null ? 'None' : done.result ? 'True' : 'False', done.comment))
      const seconds = retry.interval + Math.random() * retry.splay
      await delay(seconds * 1000, undefined, { signal: parts.signal })
    }
  } catch (error) {
    return failed(errorMessage(error))
  }
}

async function attempt<K extends StateKind>(parts: CallParts<K>, chunk: Chunk, how: How): Promise<Done> {
  const name = functionOf(chunk)
  const { __id__: id, __sls__: sls, __env__: saltenv } = chunk
  try {
    const fn = parts.registry.get(name) as FunctionDefinition<K>
    const skipped = await unwanted(chunk, fn as FunctionDefinition, parts.conditions)
    if (skipped) return skipped
    const args = bindArgs(name, fn as FunctionDefinition, [], argumentsOf(chunk, fn as FunctionDefinition))
    const context = parts.contextOf({
      test: how.test,
      state: {
        ...{ id, sls, saltenv, fun: name },
        // Few ask for it, and a state may require thousands.
        get required() {
          return how.required()
        },
      },
      shared: parts.shared,
    })
    let done = how.watchOnly ? undefined : checkReturn(await fn.run(args, context), name)
    if (!done || (how.changed && done.result !== false && !hasChanges(done) && !done.skip_watch)) {
      // What is left behind when its job has ended does nothing more.
      parts.signal.throwIfAborted()
      if (fn.watch) done = checkReturn(await fn.watch(args, context), name)
      else done ??= failed(`${name} has nothing to do where something has changed: it cannot listen`)
    }
    return how.test ? done : await checked(chunk, fn as FunctionDefinition, parts.conditions, done)
  } catch (error) {
    return failed(errorMessage(error))
  }
}
