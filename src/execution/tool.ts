// Runs a tool of the system, such as useradd, and takes what it says; where it fails, what it said is the error.
import { ReactorError } from '../base/errors.ts'
import { type ProcessResult, runProcess } from './process.ts'
import type { Limits } from './services/provider.ts'

/** What a minion was started with may lack the folders of root's tools. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** A list of all that is installed is long, and cut it would be wrong. */
const OUTPUT_LIMIT = 64 * 1024 * 1024

export interface ToolOptions extends Limits {
  /** Beside PATH and the language, which is none: what tools say is read. */
  env?: Readonly<Record<string, string>>
  stdin?: string
}

export function callTool(argv: readonly string[], { env, stdin, ...limits }: ToolOptions): Promise<ProcessResult> {
  return runProcess({
    argv,
    cwd: '/',
    env: { PATH, LC_ALL: 'C', TERM: 'dumb', ...env },
    outputLimit: OUTPUT_LIMIT,
    ...(stdin === undefined ? {} : { stdin }),
    ...limits,
  })
}

/** Its standard output. Throws `function_failed`: "cannot <what> (return code N): <what it said>". */
export async function runTool(what: string, argv: readonly string[], options: ToolOptions): Promise<string> {
  const result = await callTool(argv, options)
  if (result.retcode !== 0) throw toolFailed(what, result)
  return result.stdout
}

export function toolFailed(what: string, result: ProcessResult): ReactorError {
  const said = [result.reason, result.stderr, result.reason ? '' : result.stdout].map(text => text?.trim())
  const lines = said
    .find(text => text)
    ?.split('\n')
    .slice(-10)
    .join('\n')
  return new ReactorError(
    'function_failed',
    `cannot ${what} (return code ${result.retcode}): ${lines ?? 'nothing was said why'}`,
    { retcode: result.retcode },
  )
}
