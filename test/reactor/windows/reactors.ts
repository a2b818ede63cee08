// Reactors that fold stateful rules on a real server, each with a connection of its own, and what comes of it.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished } from 'vitest'
import type { Alarms } from '../../../src/alarms/alarms.ts'
import { createPublisher } from '../../../src/bus/publish.ts'
import { batchesOf, type DecisionBatch } from '../../../src/protocol/reaction.ts'
import { reactorConsumer, streamNames } from '../../../src/protocol/streams.ts'
import { type CompiledBundle, createBundleCompiler } from '../../../src/reactor/compiled-bundle.ts'
import { createHandOver } from '../../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../../src/reactor/loop.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'
import { createSettle } from '../../../src/reactor/settle.ts'
import { createSuppressions } from '../../../src/reactor/suppressions.ts'
import { startWindows } from '../../../src/reactor/windows/windows.ts'
import { type Core, keptLog } from '../../helpers/core.ts'
import { createSeen, type Seen } from '../../helpers/wait.ts'

/** A machine with much to do must not lose it. */
const FAST = { ttlMs: 5000, renewMs: 500, lookMs: 100 }

export function bundleOf(hash: string, text: string, off: string[] = []): CompiledBundle {
  const { rules, problems } = loadRuleText('rules.yaml', text)
  expect(problems).toEqual([])
  return createBundleCompiler(keptLog().log)({ hash, rules, off })!
}

export interface Reacted {
  /** `<event id>/<rule>`. */
  key: string
  rule: string
  bundle: string
  args: unknown[]
}

export interface Followed {
  /** What is handed over, repeats included. */
  reactions: Seen<Reacted>
  /** Its keys, each once. */
  keys: Seen<string>
  /** `<rule> <reason> <tag>`. */
  suppressed: Seen<string>
}

/** What comes of the rules from now on. */
export async function follow(core: Core): Promise<Followed> {
  const reactions = createSeen<Reacted>()
  const keys = createSeen<string>()
  const known = new Set<string>()
  const suppressed = createSeen<string>()
  core.nc.subscribe(`${core.ns}.decision.reaction.>`, {
    callback: (_error, message) => {
      for (const { rule, bundle, reactions: all } of batchesOf(message.json()))
        for (const { event, actions } of all) {
          const key = `${event.id}/${rule}`
          if (!known.has(key)) keys.push(key)
          known.add(key)
          reactions.push({ key, rule, bundle, args: actions[0]!.arg })
        }
    },
  })
  core.nc.subscribe(`${core.ns}.decision.done.>`, {
    callback: (_error, message) => {
      for (const { rule, reason, events } of message.json<DecisionBatch>().suppressed ?? [])
        for (const { tag } of events) suppressed.push(`${rule} ${reason} ${tag}`)
    },
  })
  await core.nc.flush()
  return { reactions, keys, suppressed }
}

export interface ReactorOptions {
  minions?: () => ReadonlySet<string>
  maxKeys?: number
}

/** Its `cut` is what the others see of its death. */
export async function startReactor(core: Core, url: string, options: ReactorOptions = {}) {
  const nc = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  const publisher = createPublisher(nc)
  const { log, lines } = keptLog()
  const { subjects } = core
  const alarmed = createSeen<string>()
  const alarms: Alarms = { raise: (kind, about) => alarmed.push(`${kind} ${about}`), clear: () => undefined }
  const suppressions = createSuppressions(publisher, subjects, 'r1')
  const handOver = createHandOver(publisher, subjects)
  const guard = createLoopGuard({ rate: 0, clock: Date })
  const windows = await startWindows({
    nc,
    subjects,
    replicas: 1,
    settle: createSettle({ subjects, publisher, handOver, suppressions, guard, alarms, log }),
    suppressions,
    alarms,
    grainsOf: () => undefined,
    lookUp: async () => ({}),
    minions: options.minions ?? (() => new Set()),
    maxKeys: options.maxKeys ?? 1000,
    late: 60_000,
    log,
    leaseTimes: FAST,
  })
  onTestFinished(async () => {
    await windows.stop()
    publisher.stop()
    await nc.close()
  })
  const leads = () => lines.find(({ msg }) => msg === 'stateful rules are led from here', 'its lead')
  return { nc, windows, lines, alarmed, leads, cut: () => nc.close() }
}

/** Events that the dispatchers have decided on: so many of those that are stored. */
export async function decideUpTo({ nc, ns }: Core, count: number): Promise<void> {
  const jsm = await jetstreamManager(nc)
  const { events } = streamNames(ns)
  await jsm.consumers.add(events, reactorConsumer(ns))
  if (count === 0) return
  const consumer = await jsm.jetstream().consumers.get(events, reactorConsumer(ns).durable_name)
  let left = count
  for await (const message of await consumer.fetch({ max_messages: count })) {
    await message.ackAck()
    if (--left === 0) break
  }
}
