// What returners have missed, since EVENTS had no room for it any longer: noted in the metadata of their consumers, which outlives
// a cache worker and is the same for all of them, and told once the store takes events again.
import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Reader } from '../../alarms/room.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { formatUse, useOf } from '../../protocol/returner-consumers.ts'
import { streamNames } from '../../protocol/streams.ts'

export interface MissedParts {
  jsm: JetStreamManager
  ns: string
  alarms: Alarms
  log: Log
}

/** All before `first` is removed; `readers`, as they were before it, and `firstThen` what was first. */
export async function noteMissed(
  parts: MissedParts,
  readers: readonly Reader[],
  firstThen: number,
  first: number,
): Promise<void> {
  for (const reader of readers)
    try {
      await note(parts, reader, firstThen, first)
    } catch (error) {
      // It is removed all the same, and others are to hear of theirs.
      parts.log.warn(
        { use: reader.name, error: errorMessage(error) },
        'events are removed that a returner had yet to get, and it cannot be noted how many',
      )
    }
}

async function note(
  { jsm, ns, alarms, log }: MissedParts,
  { name, floor, returner }: Reader,
  firstThen: number,
  first: number,
): Promise<void> {
  if (!returner || floor + 1 >= first) return
  const { config, num_pending, num_ack_pending } = await jsm.consumers.info(streamNames(ns).events, returner.consumer)
  const [missed, upTo] = notedIn(config.metadata)
  const removed = first - Math.max(floor + 1, firstThen, upTo + 1)
  // Of one that reads some subjects only, what it has less to get.
  const fewer = config.filter_subjects ? returner.unread - (num_pending + num_ack_pending) : returner.unread
  const lost = Math.min(removed, fewer)
  if (lost <= 0) return
  const metadata = { returner: config.metadata!.returner!, missed: `${missed + lost}`, missed_to: `${first - 1}` }
  await jsm.consumers.update(streamNames(ns).events, returner.consumer, { metadata })
  log.debug({ use: name, missed: lost }, 'events are removed that a returner had yet to get')
  alarms.clear('returner_missed', name)
  alarms.raise('returner_loses', name, {
    message: `EVENTS has no room for what waits for ${name}: the oldest ${lost} events that it had yet to get are removed, and more will be until its store takes events again`,
    missed: missed + lost,
  })
}

/** Tells of those that have taken something since. */
export async function tellMissed({ jsm, ns, alarms, log }: MissedParts, infos: readonly ConsumerInfo[]): Promise<void> {
  for (const { name: consumer, config, ack_floor } of infos) {
    const use = useOf(ns, consumer, config.metadata)
    const [missed] = notedIn(config.metadata)
    if (!use || missed === 0) continue
    // A floor that a removal moves stands right before what is first then: this one was asked for earlier.
    const { state } = await jsm.streams.info(streamNames(ns).events)
    if (ack_floor.stream_seq < state.first_seq) continue
    const name = formatUse(use)
    const message = `${name} takes events again; it has missed ${missed}, for which EVENTS had no room while its store took none`
    log.error({ use: name, missed }, message)
    alarms.clear('returner_loses', name)
    alarms.raise('returner_missed', name, { message, missed })
    await jsm.consumers.update(streamNames(ns).events, consumer, { metadata: { returner: use.returner } })
  }
}

const notedIn = (metadata: Record<string, string> | undefined): [missed: number, upTo: number] => [
  Number(metadata?.missed ?? 0),
  Number(metadata?.missed_to ?? 0),
]
