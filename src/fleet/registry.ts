// What is known of the fleet: the bucket of minions with their grains, as the cache worker writes it, and the bucket of their
// pillars without secrets, as the master does.
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { type Mirror, mirrorBucket, openBucket } from '../bus/bucket.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'

export interface MinionEntry {
  id: string
  grains: Record<string, unknown>
  /** As targets see it; undefined where it has none yet, or who follows the fleet does not read pillars. */
  readonly pillar?: Record<string, unknown> | undefined
}

export interface PillarEntry {
  id: string
  pillar: Record<string, unknown>
}

export const openMinionBucket = (nc: NatsConnection, ns: string, replicas: number): Promise<KV> =>
  openBucket(nc, bucketNames(ns).minions, { replicas })

export const openPillarBucket = (nc: NatsConnection, ns: string, replicas: number): Promise<KV> =>
  openBucket(nc, bucketNames(ns).pillars, { replicas })

/** The fleet in memory, followed. Keys are escaped ids; values hold the ids themselves. */
export async function followFleet(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  log: Log,
): Promise<Mirror<MinionEntry>> {
  return mirrorBucket(nc, await openMinionBucket(nc, ns, replicas), { read: readEntry, log })
}

/** The same, each with its pillar. */
export async function followFleetAndPillars(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  log: Log,
): Promise<Mirror<MinionEntry>> {
  const pillars = await followPillars(nc, ns, replicas, log)
  const withPillar = (value: unknown): MinionEntry => {
    const { id, grains } = readEntry(value)
    const key = escapeToken(id)
    return {
      id,
      grains,
      get pillar() {
        return pillars.values.get(key)?.pillar
      },
    }
  }
  const fleet = await mirrorBucket(nc, await openMinionBucket(nc, ns, replicas), { read: withPillar, log })
  return {
    values: fleet.values,
    async stop() {
      await fleet.stop()
      await pillars.stop()
    },
  }
}

export async function followPillars(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  log: Log,
): Promise<Mirror<PillarEntry>> {
  return mirrorBucket(nc, await openPillarBucket(nc, ns, replicas), { read: readPillar, log })
}

function readPillar(value: unknown): PillarEntry {
  if (!isObject(value) || typeof value.id !== 'string' || !isObject(value.pillar)) {
    throw new Error('expected {id, pillar}')
  }
  return { id: value.id, pillar: value.pillar }
}

function readEntry(value: unknown): MinionEntry {
  if (!isObject(value) || typeof value.id !== 'string' || !isObject(value.grains)) {
    throw new Error('expected {id, grains}')
  }
  return { id: value.id, grains: value.grains }
}
