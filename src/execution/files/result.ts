// Results of file states, and failures on the way to one: whoever finds that a state cannot be made so throws, and the state
// returns it as Salt does.
import { constants } from 'node:os'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { StateReturn } from '../../functions/state-context.ts'
import { failed } from '../../functions/state-return.ts'

/** To throw: the state fails with this comment. */
export const failure = (comment: string, changes: Record<string, unknown> = {}): ReactorError =>
  new ReactorError('function_failed', comment, { changes })

/**
 * What `work` returns; a failed result where it throws a failure or an error of the system, whose words then follow `unable`.
 * Anything else is a defect, and thrown on.
 */
export async function asResult(unable: string, work: () => Promise<StateReturn>): Promise<StateReturn> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ReactorError && error.code !== 'internal') {
      const own = error.code === 'function_failed'
      const comment = own ? error.message : `${unable}: ${error.message}`
      return failed(comment, error.details.changes as Record<string, unknown> | undefined)
    }
    if (isSystemError(error)) return failed(`${unable}: ${errorMessage(error)}`)
    throw error
  }
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return error instanceof Error && typeof code === 'string' && (code in constants.errno || code.startsWith('ERR_FS_'))
}
