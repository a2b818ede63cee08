// Reading EVENTS in order from a place on, as long as it lasts: whoever reads looks at the stream and opens another when it
// has ended.
import { randomInt } from 'node:crypto'
import { type JetStreamManager, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { EventStream } from './stream-state.ts'

export interface Reader {
  /** Takes no more messages. */
  stop(): void
  /** With why, where it did not stop by itself. */
  readonly ended: Promise<Error | undefined>
}

/** Events asked for ahead. */
const AHEAD = 1000
/** How long silence may be before it is asked whether the consumer is still there; half of it, twice. */
const PULL_MS = 4000

/** `onMessage` runs on the connection's own turn, and must not throw. */
export async function openReader(
  nc: NatsConnection,
  { name: stream, readers }: Pick<EventStream, 'name' | 'readers'>,
  afterSeq: number,
  onMessage: (message: JsMsg) => void,
): Promise<Reader> {
  const js = jetstream(nc, { timeout: 5000 })
  const consumer = await js.consumers.get(
    stream,
    await create(await js.jetstreamManager(false), stream, readers, afterSeq),
  )
  let stopped = false
  const messages = await consumer.consume({
    max_messages: AHEAD,
    expires: PULL_MS,
    abort_on_missing_resource: true,
    callback: message => {
      if (!stopped) onMessage(message)
    },
  })
  const ended = messages.closed().then(reason => reason || undefined)
  return {
    ended,
    stop() {
      if (stopped) return
      stopped = true
      messages.stop()
      // It would go by itself, in five minutes.
      consumer.delete().catch(() => undefined)
    },
  }
}

const GONE_AFTER_MS = 30_000
/** The name is in use; such a consumer exists, or is active. */
const TAKEN = new Set([10013, 10105, 10148])

/** Under the first of the names that nobody has. */
async function create(
  manager: JetStreamManager,
  stream: string,
  names: readonly string[],
  afterSeq: number,
): Promise<string> {
  const first = randomInt(names.length)
  for (let tried = 1; ; tried++) {
    const name = names[(first + tried) % names.length]!
    try {
      await manager.consumers.add(stream, {
        name,
        ack_policy: 'none',
        deliver_policy: 'by_start_sequence',
        opt_start_seq: afterSeq + 1,
        inactive_threshold: GONE_AFTER_MS * 1_000_000,
        mem_storage: true,
        num_replicas: 1,
      })
      return name
    } catch (error) {
      if (!TAKEN.has((error as { code?: number }).code ?? 0) || tried === names.length) throw error
    }
  }
}
