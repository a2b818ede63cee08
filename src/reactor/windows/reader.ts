// Reading EVENTS in order, each once. It knows how far it is, and begins there anew where the consumer is gone, or where
// events were lost between the server and here: nobody acks them, so that the server takes what it has sent as read.
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { type JetStreamManager, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { consumerSeq, deliveryFromStream } from '../../bus/raw.ts'
import { newEventId, type RawEvent } from '../../protocol/event.ts'
import type { EventStream } from './stream-state.ts'

export interface Reader {
  /** Everything up to this sequence has been read. */
  position(): number
  /** When the last event that was read was stored, milliseconds. */
  storedMs(): number | undefined
  /** Ends reading; it begins behind `seq` where it is opened. */
  moveTo(seq: number): void
  /**
   * Reads, where it does not yet; and anew where nothing has come for a while though the stream goes on to `lastSeq`. Rejects
   * where it cannot.
   */
  open(lastSeq: number): Promise<void>
  /** Reads no more until it is opened. */
  close(): void
}

export interface ReaderParts {
  nc: NatsConnection
  stream: Pick<EventStream, 'name' | 'readers'>
  /** On the connection's own turn. */
  onEvent(event: RawEvent): void
  /** It has ended by itself, and is to be opened. */
  onEnd(): void
  log: Log
}

/** One consumer, from when it is made. */
interface Reading {
  /** Messages of it that have come. */
  delivered: number
  stop(): void
}

/** Events asked for ahead. */
const AHEAD = 1000
/** How long silence may be before it is asked whether the consumer is still there; half of it, twice. */
const PULL_MS = 4000
/** How long nothing may come though there is something; doubled each time that this did not help. */
const SILENT_MS = 2000
const LONGEST_SILENT_MS = 30_000

export function createReader({ nc, stream, onEvent, onEnd, log }: ReaderParts): Reader {
  const js = jetstream(nc, { timeout: 5000 })
  let position = 0
  /** The last that was read: its sequence is worked out where it is asked for. */
  let last: JsMsg | undefined
  let current: Reading | undefined
  let seen = { position: -1, at: 0, patience: SILENT_MS }

  const place = (): number => {
    if (last) position = Math.max(position, deliveryFromStream(last).seq)
    return position
  }
  const close = () => {
    const before = current
    current = undefined
    before?.stop()
  }
  const end = (reading: Reading, reason: string) => {
    if (current !== reading) return
    close()
    log.warn({ seq: place(), reason }, 'reading for stateful rules ended; it begins again')
    onEnd()
  }

  const begin = async (reading: Reading): Promise<void> => {
    const name = await create(await js.jetstreamManager(false), stream, place())
    const consumer = await js.consumers.get(stream.name, name)
    // It would go by itself, in half a minute.
    const remove = () => void consumer.delete().catch(() => undefined)
    reading.stop = remove
    if (current !== reading) return remove()
    const messages = await consumer.consume({
      max_messages: AHEAD,
      expires: PULL_MS,
      abort_on_missing_resource: true,
      callback: message => {
        if (current !== reading) return
        if (consumerSeq(message) !== reading.delivered + 1) return end(reading, 'events were lost on their way')
        reading.delivered++
        last = message
        onEvent(deliveryFromStream(message))
      },
    })
    reading.stop = () => {
      messages.stop()
      remove()
    }
    if (current !== reading) return reading.stop()
    void messages.closed().then(reason => end(reading, reason ? errorMessage(reason) : 'closed'))
  }

  const isSilent = (lastSeq: number): boolean => {
    const now = performance.now()
    const at = place()
    if (at !== seen.position || at >= lastSeq) seen = { position: at, at: now, patience: SILENT_MS }
    if (!current || now - seen.at < seen.patience) return false
    seen = { position: at, at: now, patience: Math.min(LONGEST_SILENT_MS, seen.patience * 2) }
    return true
  }

  return {
    position: place,
    storedMs: () => last && deliveryFromStream(last).storedMs,
    moveTo(seq) {
      close()
      last = undefined
      position = seq
    },
    async open(lastSeq) {
      if (isSilent(lastSeq)) {
        log.warn({ seq: place(), last: lastSeq }, 'nothing comes though there are events; reading begins again')
        close()
      }
      if (current) return
      const reading: Reading = { delivered: 0, stop: () => undefined }
      current = reading
      try {
        await begin(reading)
      } catch (error) {
        if (current === reading) close()
        throw error
      }
    },
    close,
  }
}

const GONE_AFTER_MS = 30_000
/** The name is in use; such a consumer exists, or is active. */
const TAKEN = new Set([10013, 10105, 10148])

/** Under the first of the names that nobody has. */
async function create(
  manager: JetStreamManager,
  { name: stream, readers }: ReaderParts['stream'],
  afterSeq: number,
): Promise<string> {
  const first = randomInt(readers.length)
  for (let tried = 1; ; tried++) {
    const name = readers[(first + tried) % readers.length]!
    try {
      await manager.consumers.add(stream, {
        name,
        // The server takes one that is there in all the same for this one, and two readers would share its messages.
        description: newEventId(),
        ack_policy: 'none',
        deliver_policy: 'by_start_sequence',
        opt_start_seq: afterSeq + 1,
        inactive_threshold: GONE_AFTER_MS * 1_000_000,
        mem_storage: true,
        num_replicas: 1,
      })
      return name
    } catch (error) {
      if (!TAKEN.has((error as { code?: number }).code ?? 0) || tried === readers.length) throw error
    }
  }
}
