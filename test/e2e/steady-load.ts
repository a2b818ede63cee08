// Clients that call all minions, each again as soon as its call has ended; and what they have seen.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { createSeen, within } from '../helpers/wait.ts'

export interface SeenJob {
  jid: string
  /** What each minion was given to return. */
  text: string
}

export interface SteadyLoad {
  /** Jobs of which the return of each minion was seen. */
  readonly ended: readonly SeenJob[]
  /** Resolves once so many more have ended. */
  more(jobs: number): Promise<unknown>
  /** Resolves when the last of them has ended. */
  stop(): Promise<void>
}

/** `minions`: those that there are, all of whom must answer. */
export function startLoad(nc: NatsConnection, clients: number, minions: readonly string[]): SteadyLoad {
  const ended = createSeen<SeenJob>()
  /** Minions that have returned, by job; a return may be seen before it is known which job it is of. */
  const returned = new Map<string, Set<string>>()
  const waiting = new Map<string, () => void>()
  const isWhole = (jid: string) => minions.every(id => returned.get(jid)?.has(id))
  let stopping = false
  let serial = 0

  const subscription = nc.subscribe('reactor.live.*.salt.job.*.ret.*', {
    callback(error: Error | null, message: Msg) {
      if (error) return
      const { data } = message.json<{ data: { jid: string; id: string } }>()
      const ids = returned.get(data.jid) ?? new Set()
      returned.set(data.jid, ids.add(data.id))
      if (isWhole(data.jid)) waiting.get(data.jid)?.()
    },
  })

  const client = async () => {
    while (!stopping) {
      const text = `job ${serial++}`
      const request = { tgt: '*', fun: 'test.echo', arg: [text] }
      const answer = await nc.request('reactor.publish', JSON.stringify(request), { timeout: 30_000 })
      const { jid } = answer.json<{ jid: string }>()
      const whole = new Promise<void>(resolve => {
        if (isWhole(jid)) resolve()
        else waiting.set(jid, resolve)
      })
      await within(whole, `the end of job ${jid}`)
      waiting.delete(jid)
      ended.push({ jid, text })
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client))
  // It is said when the load is stopped.
  running.catch(() => undefined)

  return {
    ended: ended.items,
    more: jobs => Promise.race([ended.reach(ended.items.length + jobs), running]),
    async stop() {
      stopping = true
      await running
      subscription.unsubscribe()
    },
  }
}
