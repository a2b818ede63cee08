// The reactor: reads every event, decides by the bundle in force, and stores a reaction for each rule that matches.
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { consumeDurable } from '../bus/consume.ts'
import { deliveryFromStream } from '../bus/raw.ts'
import type { Config } from '../config/schema.ts'
import { followFleet } from '../fleet/registry.ts'
import { EVENTS_AHEAD, reactorConsumer, streamNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'
import { openBundleStore } from '../reactor/bundle.ts'
import { openActionCheck } from '../reactor/check.ts'
import { createDispatcher } from '../reactor/dispatch.ts'
import { type Fed, requireFolder, startFeeder } from '../reactor/feeder.ts'
import { startCore } from './core.ts'

export async function startReact(config: Config, log: Log, onFed?: (fed: Fed, hash: string) => void): Promise<Running> {
  const folder = config.react.rules
  if (folder) await requireFolder(folder)
  const check = folder ? await openActionCheck(config.module_dirs, log) : undefined
  return startCore(config, '_reactor', log, async ({ stack, nc, subjects, publisher }) => {
    const { namespace, streams } = config
    const fleet = stack.add(await followFleet(nc, namespace, streams.replicas, log))
    const store = await openBundleStore(nc, namespace, streams.replicas, log)
    if (folder && check) {
      stack.add(await startFeeder({ folder, store, log, ...check, ...(onFed ? { onFed } : {}) }))
    }
    const dispatcher = createDispatcher({
      subjects,
      publisher,
      log,
      grainsOf: id => fleet.values.get(escapeToken(id))?.grains,
    })
    stack.add(await store.follow(bundle => dispatcher.use(bundle)))
    stack.add(
      await consumeDurable(nc, {
        stream: streamNames(namespace).events,
        consumer: reactorConsumer(namespace),
        ahead: EVENTS_AHEAD,
        log,
        onMessage: message => dispatcher.handle(deliveryFromStream(message)),
      }),
    )
  })
}
