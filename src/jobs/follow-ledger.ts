// Reading the ledger's stream: from a time on up to its end, and on from there for as long as the process lives.
import { setTimeout as delay } from 'node:timers/promises'
import { DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'

export interface LedgerReader extends Running {
  /** Resolves once all is read that was stored before the call. Throws `unreachable`, also where the signal aborts. */
  sync(signal: AbortSignal): Promise<void>
}

/**
 * After the death of the server the client learns by silence that its consumer is gone: half of this, three times. Reactions
 * that come meanwhile wait in `sync` for it; by default that is 45 s.
 */
const PULL_MS = 4000
const LOOK_EVERY_MS = 2000

/** Reads from `sinceMs` (milliseconds since the epoch), resolves at the present end, and goes on following. */
export async function followLedger(
  nc: NatsConnection,
  stream: string,
  sinceMs: number,
  log: Log,
  onMessage: (message: JsMsg) => void,
): Promise<LedgerReader> {
  const js = jetstream(nc)
  const manager = await js.jetstreamManager(false)
  const { state, created } = await manager.streams.info(stream)
  /** When the stream was made that `read` is of. */
  let of = created
  // A consumer that begins at a time cannot be made again after a reconnect: it only says where that time is.
  const probe = await js.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(sinceMs).toISOString(),
  })
  const { delivered, num_pending } = await probe.info(true)
  await probe.delete()
  let read = num_pending === 0 ? Math.max(state.last_seq, delivered.stream_seq) : delivered.stream_seq
  const waiting = new Set<() => void>()
  let atEnd: () => void = () => undefined
  const end = new Promise<void>(resolve => {
    atEnd = resolve
  })
  if (num_pending === 0) atEnd()
  let stopped = false
  let opened = 0
  let close: () => void = () => undefined
  /** Follows from what has been read on, and what it followed with before no more. */
  const open = async () => {
    const turn = ++opened
    close()
    close = () => undefined
    const consumer = await js.consumers.get(stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: read + 1,
    })
    const messages = await consumer.consume({
      max_messages: 1000,
      expires: PULL_MS,
      callback: message => {
        if (turn === opened) take(message)
      },
    })
    close = () => {
      messages.stop()
      // It would go by itself, in five minutes.
      consumer.delete().catch(() => undefined)
    }
    if (stopped) close()
  }
  const take = (message: JsMsg) => {
    try {
      onMessage(message)
    } catch (error) {
      log.warn({ seq: message.seq, error: errorMessage(error) }, 'an entry of the ledger is malformed')
    }
    read = message.seq
    if (message.seq >= state.last_seq || message.info.pending === 0) atEnd()
    for (const check of waiting) check()
  }
  await open()
  await end

  const reads = (seq: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const settle = () => {
        if (read < seq && !signal.aborted) return
        waiting.delete(settle)
        signal.removeEventListener('abort', settle)
        if (read >= seq) resolve()
        else reject(new ReactorError('unreachable', 'the worker stops before it has read the ledger'))
      }
      waiting.add(settle)
      signal.addEventListener('abort', settle)
      settle()
    })
  /** One look at the end of the stream for all that ask in one turn. */
  let looking: Promise<number> | undefined
  const look = () => {
    looking ??= new Promise<void>(resolve => setImmediate(resolve)).then(async () => {
      looking = undefined
      try {
        return await endNow()
      } catch (error) {
        throw new ReactorError('unreachable', `the end of ${stream} cannot be read: ${errorMessage(error)}`, {}, error)
      }
    })
    return looking
  }
  /** The last sequence that can still be read; 0: none. A stream that was made anew, or set back, is read from its start. */
  const endNow = async (): Promise<number> => {
    // What is read while the server's answer is on its way may lie beyond it.
    const before = read
    const { state, created } = await manager.streams.info(stream)
    if (created !== of || state.last_seq < before) {
      log.warn({ read, last: state.last_seq }, 'the ledger is another one than before: it is read from its start')
      of = created
      read = 0
      await open()
    }
    return state.messages === 0 ? 0 : state.last_seq
  }

  /**
   * In a cluster the consumer lies on one node. When that is killed the client asks for it again and again, and is not told that
   * it is gone: so it is looked whether what is stored is read.
   */
  const watch = async () => {
    for (let before = -1; !stopped; before = read) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false })
      if (stopped || nc.isClosed()) return
      try {
        if ((await look()) <= read || read !== before) continue
        log.info({ seq: read }, 'the ledger is not followed any more; it is read on with another consumer')
        await open()
      } catch (error) {
        log.debug({ error: errorMessage(error) }, 'the ledger cannot be followed yet; it is tried again')
      }
    }
  }
  void watch()

  return {
    sync: async signal => reads(await look(), signal),
    async stop() {
      stopped = true
      close()
    },
  }
}
