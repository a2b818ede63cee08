// Fetches the minion's pillar when it starts, when its link is back and when its grains are others, until a master answers.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { MinionPillar } from '../functions/minion-data.ts'
import { untilAnswered } from './until-answered.ts'

export interface StartedPillar extends Running {
  /** Begins to fetch it anew. */
  fetch(): void
}

export interface StartPillarParts {
  nc: NatsConnection
  pillar: Pick<MinionPillar, 'refresh'>
  log: Log
}

/** Resolves once it is there, or nobody answers now. */
export async function startPillar({ nc, pillar, log }: StartPillarParts): Promise<StartedPillar> {
  let stopped = false
  let begun = 0
  const refresh = async () => void (await pillar.refresh())
  const fetch = () => {
    const own = ++begun
    const going = () => !stopped && own === begun
    void untilAnswered({ nc, ask: refresh, going, meanwhile: 'the pillar is not fetched yet', log })
  }
  try {
    await refresh()
  } catch (error) {
    log.debug({ reason: errorMessage(error) }, 'no master gives this minion its pillar yet')
    fetch()
  }
  return {
    fetch,
    async stop() {
      stopped = true
    },
  }
}
