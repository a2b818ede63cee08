// A schedule worker: waits for the lease, and leads the schedule while it has it.
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage } from '../base/errors.ts'
import type { Running } from '../base/service.ts'
import type { Leases } from '../bus/lease.ts'
import { type Leader, type LeaderParts, startLeader } from './leader.ts'

export interface WorkerParts extends Omit<LeaderParts, 'lease'> {
  leases: Leases
  /** Answers requests about the schedule while this worker leads it. */
  serve(leader: Leader): Promise<Running>
}

export interface ScheduleWorker extends Running {
  /** While it leads. */
  leader(): Leader | undefined
}

const LEASE = 'schedule'
const AGAIN_MS = 1000

export function startWorker({ leases, serve, ...parts }: WorkerParts): ScheduleWorker {
  const { log } = parts
  const stopping = new AbortController()
  let leader: Leader | undefined

  const lead = async () => {
    const lease = await leases.take(LEASE, stopping.signal)
    if (!lease) return
    let served: Running | undefined
    try {
      leader = await startLeader({ ...parts, lease })
      served = await serve(leader)
      if (stopping.signal.aborted) await leader.stop()
      await leader.ended
    } finally {
      await served?.stop()
      await leader?.stop()
      leader = undefined
      await lease.release()
    }
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await lead()
      } catch (error) {
        log.warn({ error: errorMessage(error) }, 'the schedule cannot be led yet; it is tried again')
      }
      await delay(AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    leader: () => leader,
    async stop() {
      stopping.abort()
      await leader?.stop()
      await running
    },
  }
}
