// The monitoring of one process: its numbers, whether it lives, and whether it is ready for work. There from before its
// connection until after it.
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { VERSION } from '../base/version.ts'
import type { ProcessName } from './catalogue.ts'
import { createRegistry, METRICS_TYPE, type Source } from './registry.ts'
import { plain, startMetricsServer } from './server.ts'

export interface Metrics extends Running {
  /** Where it is served; without a port in the config it is not. */
  readonly url: string | undefined
  add(source: Source): void
  /** Until then, and whenever `whyNot` gives a reason, it is not ready. */
  ready(whyNot: () => string | undefined): void
  /** It is not ready any more, and does not become so again. */
  stopping(): void
}

/** A process that is watched. */
export interface Monitored extends Running {
  /** Where its metrics are served; undefined: they are not. */
  readonly metricsUrl: string | undefined
}

export interface MetricsOptions {
  port?: number | undefined
  host: string
  process: ProcessName
  namespace: string
  log: Log
}

/** Throws `port_in_use`, `bad_config`. */
export async function openMetrics({ port, host, process, namespace, log }: MetricsOptions): Promise<Metrics> {
  if (port === undefined) return { url: undefined, add() {}, ready() {}, stopping() {}, stop: () => Promise.resolve() }
  const registry = createRegistry(log)
  let whyNot: () => string | undefined = () => 'it is starting: waiting for its NATS server, or for what it loads'
  const server = await startMetricsServer(
    { host, port },
    {
      '/metrics': async () => ({ status: 200, type: METRICS_TYPE, body: await registry.text() }),
      '/healthz': () => plain(200, 'ok'),
      '/readyz': () => {
        const reason = whyNot()
        return reason === undefined ? plain(200, 'ready') : plain(503, `not ready: ${reason}`)
      },
    },
  )
  registry.add(() => ({
    reactor_process_info: [{ labels: { process, namespace, version: VERSION }, value: 1 }],
    reactor_ready: whyNot() === undefined ? 1 : 0,
  }))
  let stopped = false
  return {
    url: server.url,
    add: registry.add,
    ready(reason) {
      if (!stopped) whyNot = reason
    },
    stopping() {
      stopped = true
      whyNot = () => 'it is stopping'
    },
    stop: server.stop,
  }
}
