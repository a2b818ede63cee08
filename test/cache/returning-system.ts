// What cache workers give to stores of returners, for tests: on a bare server, with stores in memory and alarms that are kept.
import { jetstreamManager } from '@nats-io/jetstream'
import { onTestFinished } from 'vitest'
import type { Alarms } from '../../src/alarms/alarms.ts'
import { lookAtEvents } from '../../src/alarms/room.ts'
import { createFire } from '../../src/bus/fire.ts'
import { type ReturningConfig, startReturning } from '../../src/cache/returning/start.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { consumerNames, streamNames } from '../../src/protocol/streams.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'
import { jidOf, MiB } from './jobs.ts'
import { type MemoryStore, storesOf } from './returning-store.ts'

export const HOUR = 3_600_000
export const announced = (n: number, minions: string[], more: Record<string, unknown> = {}) => ({
  ...{ jid: jidOf(n), tgt: '*', tgt_type: 'glob', fun: 'test.ping', arg: [], minions, missing: [], user: 'root' },
  ...{ deadline: Date.now() + HOUR, run_until: Date.now() + HOUR },
  ...more,
})
export const given = (n: number, id: string, more: Record<string, unknown> = {}) => ({
  ...{ jid: jidOf(n), id, fun: 'test.ping', fun_args: [], return: true, retcode: 0, success: true, cmd: '_return' },
  ...more,
})
const SOON = { lookEveryMs: 200, tries: { firstMs: 20, mostMs: 100 } }
const NOTHING: ReturningConfig = {
  ...{ master_job_cache: 'local', event_return: [], event_return_whitelist: [], event_return_blacklist: [] },
  ...{ event_return_queue: 0, event_return_queue_max_seconds: 0 },
}

/** The returners of a cache worker on a namespace of their own. */
export async function openReturning(server: { url: string }) {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const dir = await testFolder()
  const { log, lines } = keptLog()
  const told = createSeen<{ kind: string; about: string; up: boolean }>()
  const standing = new Set<string>()
  const alarms: Alarms = {
    raise(kind, about) {
      if (standing.has(kind + about)) return
      standing.add(kind + about)
      told.push({ kind, about, up: true })
    },
    clear(kind, about) {
      if (standing.delete(kind + about)) told.push({ kind, about, up: false })
    },
  }
  const payloads = await openPayloadStore(nc, ns, { keepMs: HOUR, maxBytes: 64 * MiB, replicas: 1 })
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  return {
    ...core,
    ...{ dir, lines, told, alarms, payloads, jsm },
    async start(config: Partial<ReturningConfig>, named: Record<string, MemoryStore>, pace = SOON) {
      const running = await startReturning({
        ...{ nc, subjects, dir, payloads, alarms, log, config: { ...NOTHING, ...config } },
        ...{ stores: storesOf(named), jobTimeoutMs: HOUR, runTimeoutMs: HOUR, ...pace },
      })
      onTestFinished(() => running.stop())
      return running
    },
    as: (id: string) => createFire(publisher, subjects, minionOrigin(id)),
    consumers: async () => {
      const found: string[] = []
      for await (const { name } of jsm.consumers.list(streamNames(ns).events)) found.push(name)
      return found.sort()
    },
    /** All of EVENTS has come to the consumer of that slot. */
    delivered: async (slot: number) => {
      const { events } = streamNames(ns)
      const look = () => jsm.consumers.info(events, consumerNames(ns).eventReturn(slot))
      while ((await look()).num_pending > 0);
      await nc.flush()
    },
    /** The floor of every reader of EVENTS, as if it were about to be trimmed. */
    floor: async () => {
      const look = { jsm, ns, others: async () => [], now: () => Date.now() + 365 * 24 * HOUR }
      return lookAtEvents(look)
    },
  }
}
