// The durable consumers of the master's returners: a few of known names, so that a cache worker may reach these and no others; each
// says in its metadata which returner it is for. Cache workers whose configs differ, as while one is being changed, keep apart:
// nobody takes the consumer of another returner while somebody reads it. One that nobody has read for a while goes, since it
// would hold up EVENTS.
import { type ConsumerInfo, JetStreamApiCodes, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../../base/log.ts'
import { consumerInfos } from '../../bus/consumer-infos.ts'
import { provisionConsumer } from '../../bus/provision.ts'
import { consumersFor, formatUse, returnerNames, type Use, useOf } from '../../protocol/returner-consumers.ts'
import { streamNames, type WantedConsumer } from '../../protocol/streams.ts'

export interface Slots {
  /** Makes what is missing, and removes what nobody has read at the last `UNUSED_LOOKS` looks. */
  look(): Promise<Look>
}

export interface Look {
  /** By `formatUse`. */
  claimed: Map<string, WantedConsumer>
  /** Uses that have none, since all that may be for them are others'. */
  without: Without[]
  infos: ConsumerInfo[]
}

export interface Without {
  use: Use
  /** Returners that have them. */
  others: string[]
  /** Somebody reads each of these. */
  areRead: boolean
}

/** Looks at which nobody has to read a consumer for it to go. */
export const UNUSED_LOOKS = 6

export async function openSlots(nc: NatsConnection, ns: string, wanted: readonly Use[], log: Log): Promise<Slots> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { events } = streamNames(ns)
  /** Looks at which nobody read it, by name and time of its making. */
  let unused = new Map<string, number>()
  /** What was there when it was last looked. */
  let infos = new Map<string, ConsumerInfo>()

  const lookAround = () => consumerInfos(jsm, events, returnerNames(ns))
  const ownerOf = (info: ConsumerInfo | undefined) => info && useOf(ns, info.name, info.config.metadata)

  const claim = async (use: Use): Promise<WantedConsumer | Without> => {
    const fitting = consumersFor(ns, use)
    for (;;) {
      const there = fitting.map(({ durable_name }) => infos.get(durable_name))
      const own = there.findIndex(info => info && (ownerOf(info)?.returner ?? use.returner) === use.returner)
      if (own >= 0) {
        await provisionConsumer(nc, events, fitting[own]!)
        return fitting[own]!
      }
      const free = there.indexOf(undefined)
      if (free < 0) {
        const others = there.map(info => ownerOf(info)!.returner)
        return { use, others, areRead: there.every(info => info!.num_waiting > 0) }
      }
      await make(jsm, events, fitting[free]!)
      infos = await lookAround()
    }
  }

  const removeUnused = async (claimed: ReadonlySet<string>) => {
    const found = new Map<string, number>()
    for (const info of infos.values()) {
      if (claimed.has(info.name) || info.num_waiting > 0) continue
      const key = `${info.name} ${info.created}`
      const looks = (unused.get(key) ?? 0) + 1
      if (looks <= UNUSED_LOOKS) found.set(key, looks)
      else await remove(info)
    }
    unused = found
  }
  const remove = async ({ name, config }: ConsumerInfo) => {
    const use = useOf(ns, name, config.metadata)
    await jsm.consumers.delete(events, name).catch(ignoring(JetStreamApiCodes.ConsumerNotFound))
    log.info(
      { consumer: name },
      `${use ? formatUse(use) : 'master_job_cache'} is not configured any more: what it had not stored it does not get`,
    )
  }

  return {
    async look() {
      const claimed = new Map<string, WantedConsumer>()
      const without: Without[] = []
      infos = await lookAround()
      for (const use of wanted) {
        const got = await claim(use)
        if ('use' in got) without.push(got)
        else claimed.set(formatUse(use), got)
      }
      await removeUnused(new Set([...claimed.values()].map(({ durable_name }) => durable_name)))
      return { claimed, without, infos: [...infos.values()] }
    },
  }
}

/** JetStream's error of a consumer that is there with other settings. */
const NAME_TAKEN = 10148

/** Another cache worker may have taken its name since we looked: then there is another look. */
async function make(jsm: JetStreamManager, stream: string, consumer: WantedConsumer): Promise<void> {
  await jsm.consumers.add(stream, consumer).catch(ignoring(NAME_TAKEN))
}

function ignoring(code: number) {
  return (error: unknown): undefined => {
    if ((error as { code?: number }).code === code) return undefined
    throw error
  }
}
