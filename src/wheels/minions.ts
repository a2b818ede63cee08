// Wheel `minions`: what the master knows of its minions.
import { wheel } from '../functions/define.ts'

export const connected = wheel({
  doc: `Lists the ids of the minions that are connected now, by their heartbeats, sorted.
    Example: reactor wheel minions.connected`,
  idempotent: true,
  run: (_args, context) => [...context.connected()].sort(),
})
