// What strikes the processes while the load runs: kills, and pauses in which leases and acks expire.
import { setTimeout as delay } from 'node:timers/promises'
import { ACK_WAIT_MS } from '../../src/protocol/streams.ts'
import type { Random } from './random.ts'
import type { Victim } from './supervisor.ts'

/** Between one strike and the next, milliseconds. */
const EVERY = [500, 3000] as const
/** From an end to the next start. */
const AWAY = [0, 2000] as const
/** Longer than ACK_WAIT; of the server, which all wait for, less. */
const PAUSE = [ACK_WAIT_MS + 1000, ACK_WAIT_MS + 4000] as const
const SERVER_PAUSE = [1000, 4000] as const
/** On a slow machine a process takes seconds to start: when all are away nothing is proved. */
const STRUCK_AT_ONCE = 4
const LOOK_EVERY_MS = 100
const PAUSES_AT_ONCE = 2

export interface Strike {
  at: number
  victim: string
  what: 'killed' | 'paused'
  ms: number
}

/** Strikes until `until` (milliseconds since the epoch), then waits until all run again. */
export async function strike(victims: readonly Victim[], random: Random, until: number): Promise<Strike[]> {
  const strikes: Strike[] = []
  const struck = new Set<Victim>()
  const mending = new Set<Promise<void>>()
  const failures: unknown[] = []
  let paused = 0

  const hit = async (victim: Victim, { what, ms }: Strike) => {
    struck.add(victim)
    if (what === 'paused') {
      paused++
      victim.pause()
      await delay(ms)
      victim.resume()
      paused--
    } else {
      await victim.kill()
      await delay(ms)
      await victim.start()
    }
  }
  while (Date.now() < until) {
    await delay(random.whole(...EVERY))
    while (struck.size >= STRUCK_AT_ONCE) await delay(LOOK_EVERY_MS)
    const pauses = random.next() < 0.3 && paused < PAUSES_AT_ONCE
    const victim = random.pick(victims.filter(one => !struck.has(one)))
    const isServer = victim.name === 'nats-server'
    const ms = random.whole(...(!pauses ? AWAY : isServer ? SERVER_PAUSE : PAUSE))
    const one: Strike = { at: Date.now(), victim: victim.name, what: pauses ? 'paused' : 'killed', ms }
    strikes.push(one)
    const mended = hit(victim, one)
      .catch(error => void failures.push(error))
      .finally(() => {
        struck.delete(victim)
        mending.delete(mended)
      })
    mending.add(mended)
  }
  await Promise.all(mending)
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
  return strikes
}
