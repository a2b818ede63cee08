// The durable consumers of `event_return`: a few of known names, so that a cache worker may reach these and no others; each
// says in its metadata which returner it is for. Those of returners that are named no more go: they would hold up EVENTS.
import { type ConsumerConfig, JetStreamApiCodes, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../../base/log.ts'
import { consumerInfos } from '../../bus/consumer-infos.ts'
import { eventReturnConsumer, eventReturnNames } from '../../protocol/returner-consumers.ts'
import { consumerNames, EVENT_RETURNS, streamNames, type WantedConsumer } from '../../protocol/streams.ts'

export interface WantedReturns {
  /** A store is the master's job cache. */
  masterJobCache: boolean
  /** Names of returners, EVENT_RETURNS at most. */
  eventReturn: readonly string[]
}

/** The consumer of each returner, by its name. */
export async function claimSlots(
  nc: NatsConnection,
  ns: string,
  wanted: WantedReturns,
  log: Log,
): Promise<Map<string, WantedConsumer>> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { events } = streamNames(ns)
  const { masterJobCache, eventReturn } = consumerNames(ns)
  const slots = Array.from({ length: EVENT_RETURNS }, (_, slot) => slot)

  const remove = async (consumer: string, what: string) => {
    await jsm.consumers.delete(events, consumer).catch(ignoring(JetStreamApiCodes.ConsumerNotFound))
    log.info({ consumer }, `${what} is not configured any more: what it had not stored it does not get`)
  }
  /** By consumer: the returner that it is for. */
  const taken = async () => {
    const infos = await consumerInfos(jsm, events, eventReturnNames(ns))
    return new Map([...infos].map(([name, { config }]) => [name, config.metadata?.returner ?? '']))
  }

  if (!wanted.masterJobCache && (await consumerInfos(jsm, events, [masterJobCache])).size > 0)
    await remove(masterJobCache, 'master_job_cache')
  for (const [name, returner] of await taken())
    if (!wanted.eventReturn.includes(returner)) await remove(name, `event_return ${returner}`)

  const claimed = new Map<string, WantedConsumer>()
  for (const returner of wanted.eventReturn) {
    for (;;) {
      const returners = await taken()
      const own = slots.find(slot => returners.get(eventReturn(slot)) === returner)
      const slot = own ?? slots.find(one => !returners.has(eventReturn(one)))
      // Another cache worker with another config has filled them all meanwhile.
      if (slot === undefined) throw new Error(`there is no consumer left for event_return ${returner}`)
      const consumer = eventReturnConsumer(ns, slot, returner)
      if (own !== undefined || (await isMade(jsm, events, consumer))) {
        claimed.set(returner, consumer)
        break
      }
    }
  }
  return claimed
}

/** JetStream's error of a consumer that is there with other settings. */
const NAME_TAKEN = 10148

/** False: another cache worker has taken the slot between our look and our try. */
async function isMade(jsm: JetStreamManager, stream: string, consumer: WantedConsumer): Promise<boolean> {
  try {
    await jsm.consumers.add(stream, consumer as Partial<ConsumerConfig>)
    return true
  } catch (error) {
    if ((error as { code?: number }).code === NAME_TAKEN) return false
    throw error
  }
}

function ignoring(code: number) {
  return (error: unknown): undefined => {
    if ((error as { code?: number }).code === code) return undefined
    throw error
  }
}
