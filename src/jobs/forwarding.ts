// A job that a runner function starts: it may pass on whatever the function was given.
import type { PublishRequest } from '../functions/context.ts'
import type { PublishMessage } from '../protocol/job.ts'
import { everyArgument } from '../protocol/trust.ts'
import type { Asked } from './publish.ts'
import type { FunctionCall } from './run-function.ts'

/** The request without its marks, and who asks with them: all of it counts as untrusted where any of the call's arguments is. */
export function forwarding(
  { untrusted, ...request }: PublishRequest,
  call: Pick<FunctionCall, 'untrusted'>,
  asked: Asked,
): [PublishMessage, Asked] {
  const marks = call.untrusted?.length ? [['tgt'], ...everyArgument(request.arg, request.kwarg)] : untrusted
  return [request, marks ? { ...asked, untrusted: marks } : asked]
}
