// Whether what an entry of the master calls is there, and takes the arguments that the entry gives it. Of functions of minions
// nobody can say: minions may have modules of their own.
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { didYouMean } from '../base/suggest.ts'
import { bindArgs } from '../functions/args.ts'
import { loadFunctions } from '../functions/load.ts'
import type { Registry } from '../functions/registry.ts'
import { JOB_KINDS, type JobKind, type ReactionAction } from '../protocol/job.ts'

export interface CallableFunctions {
  /** All that there are; absent: nobody can say now, and none is refused. Those of minions are for hints alone. */
  names: { readonly [K in JobKind]?: readonly string[] }
  /** As they are here; of others the arguments are not looked at. */
  registries: { readonly [K in 'runner' | 'wheel']: Pick<Registry<K>, 'names' | 'get'> }
}

/** Throws `unknown_function`, and `bad_argument` of arguments that the function would refuse when it runs. */
export function requireCallable(
  { kind, fun, arg, kwarg }: ReactionAction,
  { names, registries }: CallableFunctions,
): void {
  if (kind === 'local') return
  if (names[kind] && !names[kind].includes(fun))
    throw new ReactorError('unknown_function', `there is no ${kind} function '${fun}'.${hintOf(kind, fun, names)}`)
  const registry = registries[kind]
  if (registry.names().includes(fun)) bindArgs(fun, registry.get(fun), arg, kwarg)
}

function hintOf(kind: JobKind, fun: string, names: CallableFunctions['names']): string {
  const other = JOB_KINDS.find(one => one !== kind && names[one]?.includes(fun))
  if (other === undefined) return didYouMean(fun, names[kind] ?? [])
  return ` Did you mean '${other}.${fun}'${other === 'local' ? ' with tgt' : ''}?`
}

/**
 * Those that ship with the program and those of `moduleDirs`. Undefined where they cannot be loaded, which the log says: who
 * calls no function itself goes on without.
 */
export async function openCallable(moduleDirs: readonly string[], log: Log): Promise<CallableFunctions | undefined> {
  try {
    const [runner, wheel, local] = await Promise.all([
      loadFunctions('runner', moduleDirs),
      loadFunctions('wheel', moduleDirs),
      minionFunctions(moduleDirs),
    ])
    return { names: { local, runner: runner.names(), wheel: wheel.names() }, registries: { runner, wheel } }
  } catch (error) {
    log.warn({ error: errorMessage(error) }, 'entries of the schedule are not checked against the functions they call')
    return undefined
  }
}

/** Names for hints; none where they cannot be loaded. */
export const minionFunctions = (moduleDirs: readonly string[]): Promise<readonly string[]> =>
  loadFunctions('execution', moduleDirs).then(
    registry => registry.names(),
    () => [],
  )
