// A function that has failed and has a return all the same, in which it stands what failed.
import { ReactorError } from '../base/errors.ts'

/** To be thrown: the message is for who looks at the job, `value` is what it returns. */
export const failedReturn = (message: string, value: unknown): ReactorError =>
  new ReactorError('function_failed', message, { return: value })
