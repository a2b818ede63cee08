// What is known of the fleet: the bucket of minions with their grains, as the cache worker writes it.
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { type Mirror, mirrorBucket, openBucket } from '../bus/bucket.ts'
import { bucketNames } from '../protocol/streams.ts'

export interface MinionEntry {
  id: string
  grains: Record<string, unknown>
}

export const openMinionBucket = (nc: NatsConnection, ns: string, replicas: number) =>
  openBucket(nc, bucketNames(ns).minions, { replicas })

/** The fleet in memory, followed. Keys are escaped ids; values hold the ids themselves. */
export async function followFleet(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  log: Log,
): Promise<Mirror<MinionEntry>> {
  return mirrorBucket(nc, await openMinionBucket(nc, ns, replicas), { read: readEntry, log })
}

function readEntry(value: unknown): MinionEntry {
  if (!isObject(value) || typeof value.id !== 'string' || !isObject(value.grains)) {
    throw new Error('expected {id, grains}')
  }
  return { id: value.id, grains: value.grains }
}
