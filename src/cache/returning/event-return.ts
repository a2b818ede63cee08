// `event_return`: events whose tags are wanted, to the store of a returner.
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { deliveryFromStream } from '../../bus/raw.ts'
import type { ReturnerStore } from '../../functions/define-returner.ts'
import { readEvent } from '../../protocol/event.ts'
import { formatOrigin } from '../../protocol/origin.ts'
import type { StoredEvent } from '../../protocol/returned.ts'
import type { WantedConsumer } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { BATCH_RECORDS } from './batch.ts'
import { followInto } from './follow.ts'
import type { Pace } from './pace.ts'
import type { RefusedRecords } from './refused.ts'
import type { WantedTag } from './wanted-tags.ts'

export interface EventReturnParts {
  nc: NatsConnection
  subjects: Subjects
  /** Of the returner. */
  name: string
  consumer: WantedConsumer
  store: Required<Pick<ReturnerStore, 'event_return'>>
  isWanted: WantedTag
  /** Events that are given together; 0: as they come. */
  queue: number
  /** After so long they are given though there are fewer; 0: after five minutes. */
  queueMaxMs: number
  pace: Pace
  onLost(): void
  refused: RefusedRecords
  alarms: Alarms
  log: Log
}

/** What waits here holds up the trimming of EVENTS: it does not wait for ever. */
const LONGEST_MS = 300_000

/** `stop` stores what was taken. The store is the caller's to close. */
export async function startEventReturn(parts: EventReturnParts): Promise<Running> {
  const { nc, subjects, name, consumer, store, isWanted, pace, onLost, refused, alarms, log } = parts
  const { eventPrefix, ns } = subjects

  const read = (message: JsMsg): StoredEvent | undefined => {
    const tokens = message.subject.indexOf('.', eventPrefix.length) + 1
    if (tokens === 0 || !isWanted(message.subject, tokens)) return undefined
    const event = readEvent(eventPrefix, deliveryFromStream(message))
    if (!event.ok) {
      log.warn({ returner: name, seq: message.seq, problem: event.problem }, 'an event cannot be read, nor returned')
      return undefined
    }
    const { id, tag, data, stamp, origin } = event.event
    return { id, tag, data, _stamp: stamp, origin: formatOrigin(origin) }
  }

  return followInto<StoredEvent>({
    ...{ nc, ns, consumer, read, pace, onLost, refused, alarms, log },
    use: { what: 'event_return', returner: name },
    sizeOf: (_record, message) => message.data.length,
    write: events => store.event_return(events),
    keyOf: ({ id }) => id,
    together: {
      records: Math.min(Math.max(parts.queue, 1), BATCH_RECORDS),
      maxWaitMs: parts.queueMaxMs > 0 ? parts.queueMaxMs : LONGEST_MS,
    },
  })
}

/** Throws `bad_config` where a returner is named twice, or too many are. */
export function checkNames(names: readonly string[], most: number): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new ReactorError('bad_config', `event_return names '${twice}' twice: name it once`)
  if (names.length > most)
    throw new ReactorError(
      'bad_config',
      `event_return names ${names.length} returners, of at most ${most}: the returner 'multi' gives events to several`,
    )
}
