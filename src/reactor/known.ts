// What rules may name beside the language itself: the functions that there are, and the user's own facts.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { loadFunctions } from '../functions/load.ts'
import { createActionCheck, type RuleFunctions } from './check-functions.ts'
import { loadFacts } from './facts/load.ts'
import { createProfileCheck } from './profiles-needed.ts'
import type { ActionCheck, Known } from './rules/read-text.ts'

/** The functions that rules may call, those of `moduleDirs` included. Throws `bad_module`. */
export async function loadRuleFunctions(moduleDirs: readonly string[]): Promise<RuleFunctions> {
  const [local, runner, wheel] = await Promise.all([
    loadFunctions('execution', moduleDirs),
    loadFunctions('runner', moduleDirs),
    loadFunctions('wheel', moduleDirs),
  ])
  return { local, runner, wheel }
}

/** With `profiles`, those of a config, actions that name another one are warned of. Throws `bad_module`. */
export async function loadKnown(
  moduleDirs: readonly string[],
  profiles?: Parameters<typeof createProfileCheck>[0],
): Promise<Required<Known>> {
  const facts = await loadFactNames(moduleDirs)
  const checkCall = createActionCheck(await loadRuleFunctions(moduleDirs), facts)
  const checkProfile: ActionCheck = profiles ? createProfileCheck(profiles) : () => []
  return { checkAction: action => [...checkCall(action), ...checkProfile(action)], facts }
}

/**
 * The same for a process that calls no function itself: a module that does not load costs it the check, not its start. It
 * does look up facts, so that one that does not load throws `bad_module`.
 */
export async function openKnown(moduleDirs: readonly string[], log: Log): Promise<Known> {
  const facts = await loadFactNames(moduleDirs)
  try {
    return { checkAction: createActionCheck(await loadRuleFunctions(moduleDirs), facts), facts }
  } catch (error) {
    log.warn({ error: errorMessage(error) }, 'rules are not checked against the functions they call')
    return { facts }
  }
}

const loadFactNames = async (moduleDirs: readonly string[]) => new Set((await loadFacts(moduleDirs)).keys())
