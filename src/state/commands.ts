// Conditions of states on a minion: lines that a shell reads there, as Salt gives them to one, and execution functions.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { runCommand, shellVector } from '../execution/command.ts'
import { DEFAULT_OUTPUT_LIMIT } from '../execution/process.ts'
import { asUser } from '../execution/run-as.ts'
import type { Conditions } from './conditions.ts'
import type { OwnContext } from './own-context.ts'
import type { Chunk } from './types.ts'

/** As in Salt a condition runs as the command of its state does: with its `cwd`, `env`, `shell`, `timeout` and `runas`. */
export const minionConditions = ({ context, ask }: OwnContext): Conditions => ({
  paths: true,
  call: ask,
  async command(line, chunk) {
    const { shell = '/bin/sh', cwd, timeout, runas } = chunk
    const argv = shellVector(line, String(shell))
    const user = runas === undefined ? undefined : await asUser(String(runas), argv)
    const folder = cwd === undefined ? user?.home : String(cwd)
    const result = await runCommand(
      user?.argv ?? argv,
      {
        ...(folder === undefined ? {} : { cwd: folder }),
        ...(timeout === undefined ? {} : { timeout: timeout as number | string }),
        env: { ...user?.env, ...environmentOf(chunk) },
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
