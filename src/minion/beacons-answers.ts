// What comes of a change to the minion's beacons: a failed one fails its job, the others are said on the minion's bus as Salt does.
import { errorMessage } from '../base/errors.ts'
import type { BeaconAnswer } from '../functions/beacon-operations.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { BeaconChange } from '../protocol/catalogue/beacons.ts'
import { answered } from './schedule-answers.ts'

/** `test`: nothing has been changed. */
export async function saidOnBus(
  context: ExecutionContext,
  event: BeaconChange,
  answer: Promise<BeaconAnswer>,
  test: boolean,
): Promise<BeaconAnswer> {
  const given = await answered(context, answer)
  if (!given.result || test) return given
  const beacons = context.beacons.list({ return_yaml: false }) as Record<string, unknown>
  await context.bus
    .fire(...event.of({}, { complete: true, comment: given.comment, beacons }))
    .catch(error => context.log.warn({ error: errorMessage(error) }, 'a change of the beacons could not be said'))
  return given
}
