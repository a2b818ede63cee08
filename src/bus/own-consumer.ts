// Whose a durable consumer is, where its name alone does not say it: of a few known names, the metadata says it.
import { type ConsumerConfig, JetStreamApiCodes, type JetStreamManager } from '@nats-io/jetstream'
import type { WantedConsumer } from '../protocol/streams.ts'

/** What the metadata says of one that is another's; undefined: it is one's own, or nobody's yet. */
export function othersMark(wanted: WantedConsumer, found: Partial<ConsumerConfig>): string | undefined {
  for (const [key, value] of Object.entries(wanted.metadata ?? {})) {
    const there = found.metadata?.[key]
    if (there !== undefined && there !== value) return `${key} '${there}'`
  }
  return undefined
}

/** False: it is gone, or another's by now. Throws where the server does not answer. */
export async function isOwn(jsm: JetStreamManager, stream: string, wanted: WantedConsumer): Promise<boolean> {
  try {
    const { config } = await jsm.consumers.info(stream, wanted.durable_name)
    return othersMark(wanted, config) === undefined
  } catch (error) {
    if ((error as { code?: number }).code === JetStreamApiCodes.ConsumerNotFound) return false
    throw error
  }
}

/** As `isOwn`, as it was found within the last `forMs` milliseconds of the wall clock: a process may be halted for long. */
export function createOwnCheck(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  forMs: number,
): () => Promise<boolean> {
  let ownAt = Number.NEGATIVE_INFINITY
  let looking: Promise<boolean> | undefined
  const look = async (): Promise<boolean> => {
    const began = Date.now()
    const own = await isOwn(jsm, stream, wanted)
    if (own) ownAt = began
    return own
  }
  return async () => {
    const now = Date.now()
    if (now >= ownAt && now - ownAt < forMs) return true
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
}
