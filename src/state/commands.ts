// Conditions of states on a minion: lines that a shell reads there, as Salt gives them to one, and execution functions.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { runCommand, shellVector } from '../execution/command.ts'
import { DEFAULT_OUTPUT_LIMIT } from '../execution/process.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { Conditions } from './conditions.ts'
import type { Chunk } from './types.ts'

/** As in Salt a condition runs where the command of its state does: with its `cwd`, `env`, `shell` and `timeout`. */
export const minionConditions = (context: ExecutionContext): Conditions => ({
  paths: true,
  call: (fun, args, named) => context.call(fun, args, named),
  async command(line, chunk) {
    if (chunk.runas !== undefined)
      throw new ReactorError('bad_argument', 'conditions do not run as another user (runas): put that into the command')
    const { shell = '/bin/sh', cwd, timeout } = chunk
    const result = await runCommand(
      shellVector(line, String(shell)),
      {
        ...(cwd === undefined ? {} : { cwd: String(cwd) }),
        ...(timeout === undefined ? {} : { timeout: timeout as number | string }),
        env: environmentOf(chunk),
        ignore_retcode: true,
        output_limit: DEFAULT_OUTPUT_LIMIT,
        rstrip: true,
      },
      context,
      true,
    )
    if (result.ending === 'not_started') throw new ReactorError('function_failed', result.stdout)
    return result.retcode
  },
})

type Environment = Record<string, string | number | boolean | null>

/** A map, or a list of maps. */
function environmentOf({ env }: Chunk): Environment {
  if (Array.isArray(env) && env.every(isObject)) return Object.assign({}, ...env)
  return isObject(env) ? (env as Environment) : {}
}
