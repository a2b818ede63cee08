// Wheel `minions`: what the master knows of its minions.
import { wheel } from '../functions/define.ts'

export const connected = wheel({
  doc: `Lists the ids of the minions that are connected now, by their heartbeats, sorted.
    Example: reactor wheel minions.connected`,
  idempotent: true,
  run: (_args, context) => [...context.connected()],
})

export const presence = wheel({
  doc: `Lists the ids that are connected now, and those that have an accepted key and are not: {connected, not_connected}, both sorted.
    Example: reactor wheel minions.presence`,
  idempotent: true,
  run(_args, context) {
    const connected = context.connected()
    const there = new Set(connected)
    const accepted = context.keys.lists().minions ?? []
    return { connected: [...connected], not_connected: accepted.filter(id => !there.has(id)).sort() }
  },
})
