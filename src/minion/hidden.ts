// The secrets of the pillar, kept out of what a job returns and of what it asks of others.
import { ReactorError } from '../base/errors.ts'
import type { MinionPillar } from '../functions/minion-data.ts'
import type { JobReturn } from '../protocol/job.ts'

export type Hide = MinionPillar['hide']

/** What a job on other minions is given, its record keeps. Throws `forbidden`. */
export function refuseSecrets({ arg, kwarg }: { arg?: unknown; kwarg?: unknown }, hide: Hide): void {
  const given = [arg, kwarg]
  if (hide(given) !== given)
    throw new ReactorError(
      'forbidden',
      'a secret of the pillar is among the arguments for other minions, where it would stand in the record of the job',
    )
}

export const hideReturn = (returned: JobReturn, hide: Hide): JobReturn => ({
  ...returned,
  return: hide(returned.return),
  ...(returned.fun_args === undefined ? {} : { fun_args: hide(returned.fun_args) }),
  ...(returned.arg === undefined ? {} : { arg: hide(returned.arg) }),
  ...(returned.metadata === undefined ? {} : { metadata: hide(returned.metadata) }),
})
