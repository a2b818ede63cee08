// What the minion sends to its master passes over its own bus first: each event once, however often it is sent.
import type { Fire } from '../bus/fire.ts'
import type { HeardMinionBus } from '../functions/minion-bus.ts'
import { formatStamp, newEventId } from '../protocol/event.ts'

/** Ids that may be sent again; past so many an event may be heard twice. */
const MOST = 10_000

/** Fires as `fire` does. */
export function passOverBus(fire: Fire, bus: Pick<HeardMinionBus, 'pass'>, now: () => number): Fire {
  /** Those that did not get away: whoever sends one again has passed it. */
  const passed = new Set<string>()
  return async (tag, data, options = {}) => {
    const { id = newEventId(), stamp = formatStamp(now()) } = options
    if (!passed.delete(id)) bus.pass(tag, data, { id, stamp })
    try {
      return await fire(tag, data, { ...options, id, stamp })
    } catch (error) {
      passed.add(id)
      if (passed.size > MOST) passed.delete(passed.values().next().value!)
      throw error
    }
  }
}
