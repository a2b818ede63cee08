// What every service of CORE starts with: a connection, the streams, a publisher and its own origin.
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { createStack } from '../base/service.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { createFire, type Fire } from '../bus/fire.ts'
import { provisionStreams } from '../bus/provision.ts'
import { createPublisher, type Publisher } from '../bus/publish.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import { watchBus } from '../metrics/bus.ts'
import { processOf } from '../metrics/catalogue.ts'
import { type Metrics, type Monitored, openMetrics } from '../metrics/metrics.ts'
import { openPayloadStore, type PayloadStore } from '../payload/store.ts'
import { serviceInbox } from '../protocol/inbox.ts'
import { type ServiceOrigin, serviceOrigin } from '../protocol/origin.ts'
import type { StreamLimits } from '../protocol/streams.ts'

export const streamLimits = ({ streams }: Config): StreamLimits => ({
  eventsMaxAge: streams.events_max_age,
  eventsMaxBytes: streams.events_max_bytes,
  replicas: streams.replicas,
})

/** Where values lie that are larger than a message; the processes of CORE share it. */
export const openPayloads = (nc: NatsConnection, { namespace, cache, streams }: Config): Promise<PayloadStore> =>
  openPayloadStore(nc, namespace, {
    keepMs: cache.keep_jobs,
    maxBytes: cache.max_payload_bytes,
    replicas: streams.replicas,
  })

const DAY_MS = 86_400_000

/** How long records and the ledger name work, milliseconds: longer than the event that caused it can come again. */
export const keepWorkMs = ({ streams }: Config): number => streams.events_max_age + DAY_MS

export interface Core extends Pick<Bus, 'nc' | 'subjects'> {
  /** What the service adds is stopped before its connection. */
  readonly stack: ReturnType<typeof createStack>
  readonly publisher: Publisher
  readonly fire: Fire
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'add'>
  /** Why nothing can be stored or read just now. */
  away(): string | undefined
}

/** Connects and has `build` put the service on it. Whatever throws on the way leaves nothing running. */
export async function startCore(
  config: Config,
  origin: ServiceOrigin,
  log: Log,
  build: (core: Core) => Promise<void>,
): Promise<Monitored> {
  requireIsolation(config)
  const stack = createStack(problem => log.warn(problem))
  try {
    const process = processOf(origin)
    // Before its server is there: why it is not ready can be asked.
    const metrics = stack.add(await openMetrics({ ...config.metrics, process, namespace: config.namespace, log }))
    const bus = await connectBus({
      servers: config.servers,
      namespace: config.namespace,
      name: `${config.namespace}${origin}`,
      seedFile: config.seed,
      inboxPrefix: serviceInbox(origin),
      tls: config.tls,
      patient: true,
      log,
    })
    stack.defer(() => bus.close())
    const { nc, subjects } = bus
    // One key may change what is kept and for how long: that of the master.
    const migrate = origin === '_master'
    const streams = await provisionStreams(nc, config.namespace, streamLimits(config), { migrate })
    for (const [stream, state] of Object.entries(streams))
      if (state === 'outdated')
        log.warn(
          { stream },
          'the stream has other settings than this version and config want; the master sets them when it starts',
        )
    const publisher = createPublisher(nc)
    stack.defer(() => publisher.stop())
    const fire = createFire(publisher, subjects, serviceOrigin(origin))
    const watch = watchBus(nc, publisher)
    stack.defer(watch.stop)
    metrics.add(watch.source)
    await build({ stack, nc, subjects, publisher, fire, clock: systemClock, metrics, away: watch.away })
    metrics.ready(watch.away)
    stack.defer(() => metrics.stopping())
    return Object.assign(stack, { metricsUrl: metrics.url })
  } catch (error) {
    await stack.stop()
    throw error
  }
}
