// The pillar of this minion as it is now: fetched when it comes up, and again when somebody asks for it; and its secrets, kept
// out of what the minion says.
import type { Log } from '../base/log.ts'
import type { MinionPillar, Pillar, PillarRequest } from '../functions/minion-data.ts'
import { createHiding } from './hide.ts'
import type { PillarAnswer } from './protocol.ts'

export interface OwnPillar extends MinionPillar {
  /** Is told of each pillar that the minion goes on with. */
  follow(listener: (pillar: Pillar) => void): void
}

export interface OwnPillarParts {
  /** Has it compiled; `keep`: the minion goes on with it. */
  ask(request: PillarRequest & { keep: boolean }): Promise<PillarAnswer>
  log: Log
}

/** A state run on it would be one without its values. */
const NEVER_FETCHED: Pillar = {
  value: {},
  errors: ["the pillar of this minion has not been fetched yet: is 'reactor master' running?"],
}

export function createOwnPillar({ ask, log }: OwnPillarParts): OwnPillar {
  const hiding = createHiding()
  const listeners = new Set<(pillar: Pillar) => void>()
  let current = NEVER_FETCHED
  let asked = 0
  let inForce = 0

  const fetched = async (request: PillarRequest & { keep: boolean }): Promise<Pillar> => {
    const { value, errors, secrets } = await ask(request)
    hiding.add(secrets)
    return { value, errors }
  }
  return {
    current: () => current,
    compile: (request = {}) => fetched({ ...request, keep: false }),
    async refresh() {
      const own = ++asked
      const pillar = await fetched({ keep: true })
      // One that was asked for later may have been answered before.
      if (own > inForce) {
        inForce = own
        current = pillar
        for (const error of pillar.errors) log.warn(`the pillar of this minion has errors: ${hiding.hide(error)}`)
        for (const listener of listeners) listener(pillar)
      }
      return pillar
    },
    hide: hiding.hide,
    follow: listener => void listeners.add(listener),
  }
}
