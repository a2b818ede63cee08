// The master's service of pillar.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import { followFleet, followPillars, openPillarBucket } from '../fleet/registry.ts'
import { createPillarKeeper } from '../pillar/keep.ts'
import { servePillar } from '../pillar/service.ts'
import { createProblemTeller } from '../pillar/tell.ts'
import type { Core } from './core.ts'
import { pillarHere } from './pillar-here.ts'

/** Until the stack of the master stops. */
export async function servePillars({ stack, nc, subjects, fire }: Core, config: Config, log: Log): Promise<void> {
  const { replicas } = config.streams
  const bucket = await openPillarBucket(nc, config.namespace, replicas)
  const known = stack.add(await followPillars(nc, config.namespace, replicas, log))
  const fleet = stack.add(await followFleet(nc, config.namespace, replicas, log))
  stack.add(
    await servePillar({
      ...{ nc, subjects, fleet, log },
      ...pillarHere(config),
      safe: config.pillar_safe_render_error,
      keep: createPillarKeeper(bucket, known, log),
      tell: createProblemTeller((tag, data) => {
        fire(tag, data).catch(error => log.warn({ tag, error: errorMessage(error) }, 'an event could not be fired'))
      }),
    }),
  )
}
