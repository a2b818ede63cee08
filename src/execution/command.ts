// What every `cmd` function does with its arguments before a process runs, and with what came of it.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import { DEFAULT_OUTPUT_LIMIT, type ProcessResult, runProcess } from './process.ts'
import { splitWords } from './words.ts'

const MAX_OUTPUT_LIMIT = 64 * 1024 * 1024

/** Arguments of every `cmd` function, in Salt's order. */
export const where = {
  cwd: z.string().optional().describe("folder to run in; default: the home folder of the minion's user"),
  stdin: z.string().optional().describe('text for the standard input; default: none'),
}
export const how = {
  env: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .default({})
    .describe('environment variables to add; null removes one'),
  timeout: z
    .union([z.number(), z.string()])
    .optional()
    .describe('seconds, or a duration such as 5m, after which the command and all that it started are killed'),
  ignore_retcode: z.boolean().default(false).describe('a non-zero return code does not make the job fail'),
  output_limit: z
    .number()
    .int()
    .min(1)
    .max(MAX_OUTPUT_LIMIT)
    .default(DEFAULT_OUTPUT_LIMIT)
    .describe('bytes of output kept of each stream: the first and the last half'),
  rstrip: z.boolean().default(true).describe('remove white space at the end of the output'),
}

export interface CommandArgs {
  cwd?: string | undefined
  stdin?: string | undefined
  env: Record<string, string | number | boolean | null>
  timeout?: number | string | undefined
  ignore_retcode: boolean
  output_limit: number
  rstrip: boolean
}

/** The vector that `cmd` means: a list as it is, a text by its words, or by a shell where that is asked for. */
export function commandVector(cmd: string | string[], pythonShell: boolean): string[] {
  if (!pythonShell) return typeof cmd === 'string' ? splitWords(cmd) : cmd
  if (typeof cmd === 'string') return shellVector(cmd, '/bin/sh')
  throw new ReactorError('bad_argument', 'python_shell=True takes the command as one text, not as a list of words')
}

export function shellVector(cmd: string, shell: string): string[] {
  if (cmd.trim() === '') throw new ReactorError('bad_argument', 'the command is empty: give a command line')
  return [shell, '-c', cmd]
}

/** Runs it and sets the job's return code. With `merge` all output is in `stdout`, and so is why it did not end by itself. */
export async function runCommand(
  argv: string[],
  args: CommandArgs,
  context: ExecutionContext,
  merge: boolean,
): Promise<ProcessResult> {
  const result = await runProcess({
    argv,
    cwd: args.cwd ?? homeFolder(),
    env: environment(args.env),
    outputLimit: args.output_limit,
    mergeStderr: merge,
    signal: context.signal,
    onPid: context.onProcess,
    ...(args.stdin === undefined ? {} : { stdin: args.stdin }),
    ...(args.timeout === undefined ? {} : { timeoutMs: parseDuration(args.timeout) }),
  })
  if (!args.ignore_retcode) context.setRetcode(result.retcode)
  const finish = (text: string) => (args.rstrip ? text.trimEnd() : text)
  const told = result.ending === 'exited' || result.ending === 'signaled' ? undefined : result.reason
  const [stdout, stderr] = merge ? [tell(result.stdout, told), ''] : [result.stdout, tell(result.stderr, told)]
  return { ...result, stdout: finish(stdout), stderr: finish(stderr) }
}

function tell(output: string, told: string | undefined): string {
  if (told === undefined) return output
  return output === '' || output.endsWith('\n') ? output + told : `${output}\n${told}`
}

function environment(changes: CommandArgs['env']): Record<string, string | undefined> {
  const merged: Record<string, string | undefined> = { ...process.env }
  for (const [name, value] of Object.entries(changes)) {
    if (!name || name.includes('=')) throw new ReactorError('bad_argument', `env: '${name}' is no name of a variable`)
    if (value === null) delete merged[name]
    else merged[name] = String(value)
  }
  return merged
}

function homeFolder(): string {
  const home = homedir()
  try {
    accessSync(home, constants.R_OK | constants.X_OK)
    return home
  } catch {
    // As Salt does: a minion whose user has no home runs its commands at the root.
    return '/'
  }
}
