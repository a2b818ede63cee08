// What entries that people add to the master's schedule are held to, as a job worker knows it.
import type { ReactionAction } from '../protocol/job.ts'
import type { CallableFunctions } from '../schedule/callable.ts'

export interface LookUpParts {
  registries: CallableFunctions['registries']
  /** Names of the master's functions. Throws where it does not say. */
  listWheels(): Promise<readonly string[]>
  /** Names of what minions have without modules of their own. */
  minionFunctions(): Promise<readonly string[]>
}

/** What an action that calls no minion is held to. */
export type LookUp = (action: Pick<ReactionAction, 'kind' | 'fun'>) => Promise<CallableFunctions>

export const createLookUp =
  ({ registries, listWheels, minionFunctions }: LookUpParts): LookUp =>
  async ({ kind, fun }) => {
    const runner = registries.runner.names()
    // The master has the last word on its own, and may have more than this worker knows.
    const wheel = kind === 'wheel' ? await listWheels().catch(() => undefined) : registries.wheel.names()
    const found = kind === 'wheel' ? wheel : runner
    // For the hint alone: few calls need what takes a worker a second to load.
    const local = found && !found.includes(fun) ? await minionFunctions() : []
    return { names: { local, runner, ...(wheel ? { wheel } : {}) }, registries }
  }
