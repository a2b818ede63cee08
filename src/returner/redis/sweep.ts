// Taking out of the index what has expired: the index says that it is there until then. In steps, and a few of them at a time,
// so that no write waits for long.
import { systemClock } from '../../base/clock.ts'
import type { RedisClient } from './connection.ts'
import { EVENTS, firstJidOf, JIDS } from './keys.ts'
import { PAGE } from './read.ts'
import { SWEEP_EVENTS, SWEEP_JIDS } from './scripts.ts'

/** Between the end of a round and the next. */
const EVERY_MS = 60_000
/** Of each index, for one write. */
const STEPS = 10

const INDEXES = [
  { index: JIDS, script: SWEEP_JIDS, start: '-', until: firstJidOf },
  { index: EVENTS, script: SWEEP_EVENTS, start: '0', until: String },
] as const

/** Does a part of a round where one is due. */
export function createSweep(ttlMs: number): (client: RedisClient) => Promise<void> {
  // Empty: that one is done.
  let places = INDEXES.map(() => '')
  let endedMs = 0
  return async client => {
    if (ttlMs === 0) return
    const nowMs = systemClock.now()
    if (places.every(place => place === '')) {
      if (Math.abs(nowMs - endedMs) < EVERY_MS) return
      places = INDEXES.map(({ start }) => start)
    }
    // Nothing that is younger has expired.
    const beforeMs = Math.max(0, nowMs - ttlMs)
    for (const [n, { index, script, until }] of INDEXES.entries())
      for (let steps = 0; places[n] !== '' && steps < STEPS; steps++)
        places[n] = String(
          await client.eval(script, { keys: [index], arguments: [String(PAGE), places[n]!, until(beforeMs)] }),
        )
    endedMs = nowMs
  }
}
