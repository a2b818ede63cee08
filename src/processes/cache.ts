// The cache worker: grains of the fleet, and the history of events.
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { VERSION } from '../base/version.ts'
import { parseJson } from '../bus/request.ts'
import { openHistory } from '../cache/history.ts'
import type { Config } from '../config/schema.ts'
import { serveGrains } from '../fleet/grains-service.ts'
import { openMinionBucket } from '../fleet/registry.ts'
import { serve } from '../services/serve.ts'
import { startCore } from './core.ts'

export async function startCache(config: Config, log: Log): Promise<Running> {
  return startCore(config, '_cache', log, async ({ stack, nc, subjects }) => {
    const history = await openHistory(nc, subjects)
    stack.add(serveGrains(nc, subjects, await openMinionBucket(nc, config.namespace, config.streams.replicas), log))
    stack.add(
      await serve(nc, {
        name: `${config.namespace}-history`,
        version: VERSION,
        description: 'stored events in pages: {since | after_seq, limit} → {events, next_seq, last_seq}',
        queue: `${config.namespace}-cache`,
        log,
        endpoints: [
          {
            name: 'events',
            subject: subjects.historyEvents,
            handle: request => history(parseJson(request.string() || '{}')),
          },
        ],
      }),
    )
  })
}
