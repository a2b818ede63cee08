// The rules in force as runner functions see and change them: in the name of who asked, and held to their roles. What a rule
// does is held to none, so nobody changes rules through a function that does something else.
import { ReactorError } from '../base/errors.ts'
import { seesReactions } from '../cache/rights.ts'
import type { Rules } from '../functions/runner-context.ts'
import { matchesFunction } from '../operators/may.ts'
import type { RuleCounts } from '../protocol/reaction-view.ts'
import type { RulesControl } from '../reactor/bundle/control.ts'
import type { FunctionCall } from './run-function.ts'

export interface RuleParts {
  /** Opened when it is first needed. */
  control(): Promise<RulesControl>
  counts(): Promise<RuleCounts[]>
}

export function runnerRules({ control, counts }: RuleParts, { user, grants }: FunctionCall): Rules {
  const require = (fun: string) => {
    if (grants && !matchesFunction(grants().runner, fun))
      throw new ReactorError('forbidden', `'${user}' may not change rules: no role of theirs grants runner '${fun}'`)
  }
  const readCounts = async () => {
    if (grants && !seesReactions(grants()))
      throw new ReactorError('forbidden', `'${user}' may not read reactions: no role of theirs grants every event`)
    return counts()
  }
  return {
    list: async () => (await control()).list(readCounts),
    show: async name => (await control()).show(name, readCounts),
    history: async () => (await control()).history(),
    async switch(names, to, reason) {
      require(to === 'on' ? 'rules.enable' : 'rules.disable')
      return (await control()).switch({ to, names, by: user, reason })
    },
    async push(request) {
      require('rules.push')
      return (await control()).push(request, user)
    },
  }
}
