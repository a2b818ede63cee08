// Runs other programs without a shell, bounded in time and output, and finds them on PATH.
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { errorMessage } from '../../base/errors.ts'

export interface ProgramResult {
  /** Undefined after a success; else one line: why it could not be started, what ended it, or its exit code. */
  failure: string | undefined
  stdout: string
  stderr: string
}

export interface ProgramOptions {
  env: NodeJS.ProcessEnv
  cwd?: string
  /** Milliseconds after which the program is killed. */
  timeoutMs: number
}

/** Runs a program to its end. Never throws: a program that cannot be run is a result with a `failure`. */
export function runProgram(file: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  return new Promise(resolve => {
    const { env, cwd, timeoutMs } = options
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 4 * 1024 * 1024, encoding: 'utf8' } as const
    const done = (failure: string | undefined, stdout = '', stderr = '') => resolve({ failure, stdout, stderr })
    try {
      const child = execFile(file, args, { ...limits, env, ...(cwd === undefined ? {} : { cwd }) }, (error, out, err) =>
        done(error ? describe(error, timeoutMs) : undefined, out, err),
      )
      child.stdin?.end()
    } catch (error) {
      done(errorMessage(error))
    }
  })
}

function describe(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, timeoutMs: number): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EACCES') return 'it is not executable'
  if (typeof error.code === 'number') return `it ended with exit code ${error.code}`
  if (error.killed) return `it did not end within ${timeoutMs / 1000} s`
  if (error.signal) return `it was ended by ${String(error.signal)}`
  return errorMessage(error).split('\n')[0]!
}

/** Every executable file of that name on the PATH of `env`, in PATH's order. */
export async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const found: string[] = []
  for (const dir of new Set((env.PATH ?? '').split(delimiter))) {
    // A relative entry would run whatever lies in the folder that one happens to be in.
    if (!isAbsolute(dir)) continue
    const file = join(dir, name)
    if (await isExecutable(file)) found.push(file)
  }
  return found
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}
