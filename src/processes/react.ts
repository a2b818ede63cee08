// The reactor: reads every event, decides by the bundle in force, and stores a reaction for each rule that matches.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { openAlarms } from '../alarms/alarms.ts'
import { watchStores } from '../alarms/stores.ts'
import { openWindowReaders } from '../alarms/window-readers.ts'
import type { Log } from '../base/log.ts'
import { letHeapGrow } from '../base/small-heap.ts'
import { consumeDurable } from '../bus/consume.ts'
import { deliveryFromStream } from '../bus/raw.ts'
import type { Config } from '../config/schema.ts'
import { followFleet } from '../fleet/registry.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { bundleSource, dispatchSource } from '../metrics/reactor.ts'
import { openConsumersSource } from '../metrics/streams.ts'
import { windowsSource } from '../metrics/windows.ts'
import { EVENTS_AHEAD, reactorConsumer, streamNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'
import { openBundleStore } from '../reactor/bundle.ts'
import { type CompiledBundle, createBundleCompiler } from '../reactor/compiled-bundle.ts'
import { serveDecide } from '../reactor/decide.ts'
import { createDispatcher } from '../reactor/dispatch.ts'
import { openLookUp } from '../reactor/facts/open.ts'
import { type Fed, requireFolder, startFeeder } from '../reactor/feeder.ts'
import { createHandOver } from '../reactor/hand-over.ts'
import { openKnown } from '../reactor/known.ts'
import { createLoopGuard } from '../reactor/loop.ts'
import { createSettle } from '../reactor/settle.ts'
import { createSuppressions } from '../reactor/suppressions.ts'
import { startWindows } from '../reactor/windows/windows.ts'
import { startCore } from './core.ts'

/** What is still being stored when the process stops. */
const STORED_WITHIN_MS = 3000

export async function startReact(
  config: Config,
  log: Log,
  onFed?: (fed: Fed, hash: string) => void,
): Promise<Monitored> {
  const folder = config.react.rules
  if (folder) await requireFolder(folder)
  const check = folder ? await openKnown(config.module_dirs, log) : undefined
  return startCore(config, '_reactor', log, async ({ stack, nc, subjects, publisher, fire, clock, metrics }) => {
    const { namespace, streams } = config
    const fleet = stack.add(await followFleet(nc, namespace, streams.replicas, log))
    const store = await openBundleStore(nc, namespace, streams.replicas, log)
    const { lookUp, facts } = await openLookUp(nc, subjects, config.module_dirs)
    if (folder && check) {
      stack.add(await startFeeder({ folder, store, log, ...check, ...(onFed ? { onFed } : {}) }))
    }
    const handOver = createHandOver(publisher, subjects)
    const suppressions = createSuppressions(publisher, subjects, `r${randomBytes(6).toString('hex')}`)
    const alarms = await openAlarms(nc, namespace, streams.replicas, fire, log)
    const grainsOf = (id: string) => fleet.values.get(escapeToken(id))?.grains
    const guard = createLoopGuard({ rate: config.react.loop_rate, clock })
    const settling = { subjects, publisher, handOver, suppressions, guard, alarms, log }
    const dispatcher = createDispatcher({ ...settling, grainsOf, lookUp })
    const decide = stack.add(await serveDecide({ nc, subjects, handOver, grainsOf, lookUp, log }))
    const windows = stack.add(
      await startWindows({
        nc,
        subjects,
        replicas: streams.replicas,
        settle: createSettle(settling),
        suppressions,
        alarms,
        grainsOf,
        lookUp,
        minions: () => new Set([...fleet.values.values()].map(({ id }) => id)),
        maxKeys: config.react.max_keys,
        late: config.react.late,
        log,
      }),
    )
    const compile = createBundleCompiler(log, { facts })
    let inForce: CompiledBundle | undefined
    metrics.add(bundleSource(() => inForce))
    metrics.add(dispatchSource(dispatcher))
    metrics.add(windowsSource(windows))
    metrics.add(await openConsumersSource(nc, namespace, 'events', ['reactor']))
    stack.add(
      await store.follow(bundle => {
        const compiled = compile(bundle)
        if (!compiled) return
        inForce = compiled
        dispatcher.use(compiled)
        decide.use(compiled)
        windows.use(compiled)
      }),
    )
    // Garbage of thousands of rules that were read would have kept its room for good; that of events is to have it.
    letHeapGrow()
    stack.defer(() => Promise.race([dispatcher.idle(), delay(STORED_WITHIN_MS, undefined, { ref: false })]))
    stack.add(
      await consumeDurable(nc, {
        stream: streamNames(namespace).events,
        consumer: reactorConsumer(namespace),
        ahead: EVENTS_AHEAD,
        log,
        onMessage: message => dispatcher.handle(deliveryFromStream(message, nc)),
      }),
    )
    const others = await openWindowReaders({ nc, ns: namespace, replicas: streams.replicas, now: clock.now, log })
    stack.add(await watchStores({ nc, ns: namespace, alarms, others, clock, log }))
  })
}
