// Reactions as runner functions see and handle them: in the name of who asked, and held to their roles.
import { ReactorError } from '../base/errors.ts'
import { seesReactions } from '../cache/rights.ts'
import type { Reactions } from '../functions/runner-context.ts'
import { matchesFunction } from '../operators/may.ts'
import { type ReactionControl, requireReaction } from './control/reactions.ts'
import type { FunctionCall } from './run-function.ts'

export function runnerReactions(control: ReactionControl, { user, grants, hops, chain }: FunctionCall): Reactions {
  const requireSight = () => {
    if (!grants || seesReactions(grants())) return
    const why = "no role of theirs grants every event ('**' in @events)"
    throw new ReactorError('forbidden', `'${user}' may not read reactions: ${why}`)
  }
  return {
    async list(request) {
      requireSight()
      return control.list(request)
    },
    async show(key) {
      requireSight()
      return requireReaction(await control.show(key), key)
    },
    async act(operation, keys) {
      requireSight()
      const fun = `reactions.${operation}`
      if (grants && !matchesFunction(grants().runner, fun))
        throw new ReactorError(
          'forbidden',
          `'${user}' may not ${operation} reactions: no role of theirs grants runner '${fun}'`,
        )
      return control.act(operation, keys, { user, hops, chain })
    },
  }
}
