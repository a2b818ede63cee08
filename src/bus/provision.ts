// Makes the streams and consumers exist with the settings that this version wants; existing ones are migrated.

import { setTimeout as delay } from 'node:timers/promises'
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { StreamLimits, WantedConsumer, WantedStream } from '../protocol/streams.ts'
import { wantedStreams } from '../protocol/streams.ts'
import { othersMark } from './own-consumer.ts'

/** `outdated`: it has other settings, and was left as it is. */
export type Provisioned = 'created' | 'updated' | 'unchanged' | 'outdated'

/**
 * Provisions every stream of the namespace; safe to run from several processes at once. Without `migrate` it makes those that
 * are missing and changes none. Throws `bad_config` where a setting cannot be changed.
 */
export async function provisionStreams(
  nc: NatsConnection,
  ns: string,
  limits: StreamLimits,
  { migrate = true }: { migrate?: boolean } = {},
): Promise<Record<string, Provisioned>> {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const done = await Promise.all(
    wantedStreams(ns, limits).map(async wanted => [wanted.name, await inSettledCluster(wanted, jsm, migrate)] as const),
  )
  return Object.fromEntries(done)
}

const SETTLES_MS = 30_000
const LOOK_EVERY_MS = 250
/** A cluster that has just started: no suitable peers yet, not available, not its leader. */
const UNSETTLED = new Set([10005, 10008, 10009])

/** Nodes of a cluster and what runs on it start together: until the nodes have found each other, there is something to wait for. */
async function inSettledCluster(wanted: WantedStream, jsm: JetStreamManager, migrate: boolean): Promise<Provisioned> {
  const deadline = Date.now() + SETTLES_MS
  for (;;) {
    try {
      return await provisionStream(jsm, wanted, migrate)
    } catch (error) {
      if (!isUnsettled((error as ReactorError).cause) || Date.now() > deadline) throw error
      await delay(LOOK_EVERY_MS)
    }
  }
}

const isUnsettled = (error: unknown): boolean =>
  (error instanceof JetStreamApiError && UNSETTLED.has(error.code)) || error instanceof errors.TimeoutError

async function provisionStream(jsm: JetStreamManager, wanted: WantedStream, migrate: boolean): Promise<Provisioned> {
  try {
    const found = await jsm.streams.info(wanted.name).catch(ignoring(JetStreamApiCodes.StreamNotFound))
    if (!found) {
      await jsm.streams.add(wanted as StreamConfig)
      return 'created'
    }
    if (!differs(wanted, found.config)) return 'unchanged'
    if (!migrate) return 'outdated'
    await jsm.streams.update(wanted.name, wanted as StreamConfig)
    return 'updated'
  } catch (error) {
    throw new ReactorError('bad_config', `stream ${wanted.name} cannot be set up: ${errorMessage(error)}`, {}, error)
  }
}

/** Provisions one durable consumer. Throws `bad_config` also where its metadata says that it is another's. */
export async function provisionConsumer(
  nc: NatsConnection,
  stream: string,
  wanted: WantedConsumer,
): Promise<Provisioned> {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  try {
    const found = await jsm.consumers
      .info(stream, wanted.durable_name)
      .catch(ignoring(JetStreamApiCodes.ConsumerNotFound))
    if (found && !differs(wanted, found.config)) return 'unchanged'
    if (found) {
      const others = othersMark(wanted, found.config)
      if (others !== undefined) throw new Error(`it is there, and is another's: its metadata has ${others}`)
      await jsm.consumers.update(stream, wanted.durable_name, wanted)
      return 'updated'
    }
    await jsm.consumers.add(stream, wanted)
    return 'created'
  } catch (error) {
    throw new ReactorError(
      'bad_config',
      `consumer ${wanted.durable_name} on ${stream} cannot be set up: ${errorMessage(error)}`,
      {},
      error,
    )
  }
}

/** Whether any setting that we name is another on the server; the server's own additions do not count. */
export function differs(wanted: object, found: object): boolean {
  const there = found as Record<string, unknown>
  return Object.entries(wanted).some(([key, value]) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return differs(value, (there[key] ?? {}) as object)
    return JSON.stringify(value ?? null) !== JSON.stringify(there[key] ?? absent(value))
  })
}

/** The server leaves out what is zero, false or empty. */
function absent(value: unknown): unknown {
  if (typeof value === 'number') return 0
  if (typeof value === 'boolean') return false
  return null
}

function ignoring(code: number) {
  return (error: unknown): undefined => {
    if ((error as { code?: number }).code === code) return undefined
    throw error
  }
}
