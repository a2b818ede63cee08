// Whether a connection has its server. One reader of its status for all who want to know: the client keeps each for as
// long as the connection lives, and a service gathers jobs all day.
import type { NatsConnection } from '@nats-io/transport-node'

export interface LinkFollower {
  down?(): void
  /** It is back after it was lost. */
  up?(): void
}

const followers = new WeakMap<NatsConnection, Set<LinkFollower>>()

/** Tells until the returned function is called. */
export function followLink(nc: NatsConnection, follower: LinkFollower): () => void {
  let all = followers.get(nc)
  if (!all) {
    all = new Set()
    followers.set(nc, all)
    void readStatus(nc, all)
  }
  all.add(follower)
  const joined = all
  return () => void joined.delete(follower)
}

/** The client tells of every attempt that failed, and of its success once for each of them. */
async function readStatus(nc: NatsConnection, all: ReadonlySet<LinkFollower>): Promise<void> {
  let linked = true
  for await (const { type } of nc.status()) {
    if (type === 'disconnect' && linked) {
      linked = false
      for (const { down } of [...all]) down?.()
    }
    if (type === 'reconnect' && !linked) {
      linked = true
      for (const { up } of [...all]) up?.()
    }
  }
}
