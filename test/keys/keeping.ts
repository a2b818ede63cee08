// Stores of keys and tokens in a namespace of their own, and those of a second master.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import type { AuditKind, AuditRecord } from '../../src/audit/audit.ts'
import type { Fire } from '../../src/bus/fire.ts'
import { openKeyStore } from '../../src/keys/store.ts'
import { openTokenStore } from '../../src/keys/tokens.ts'
import { keptLog, type LogLine } from '../helpers/core.ts'
import { createSeen, type Seen } from '../helpers/wait.ts'

let namespaces = 0

/** A clock whose hands the test turns. */
export function handClock(nowMs = 1_000_000) {
  const clock = {
    nowMs,
    now: () => clock.nowMs,
    sleep: async () => undefined,
  }
  return clock
}

export async function openKeys(nc: NatsConnection, namespace = `k${process.pid}-${namespaces++}`) {
  const { log, lines } = keptLog()
  const clock = handClock()
  const options = { namespace, replicas: 1, clock, log }
  const store = await openKeyStore(nc, options)
  const tokens = await openTokenStore(nc, options)
  const records = createSeen<{ kind: AuditKind } & AuditRecord>()
  const events = createSeen<{ tag: string; data: Record<string, unknown> }>()
  const fire: Fire = async (tag, data) => {
    events.push({ tag, data })
    return { id: '', seq: 0 }
  }
  onTestFinished(async () => {
    await store.stop()
    await tokens.stop()
  })
  return {
    ...{ namespace, store, tokens, clock, log, records, events, fire },
    lines: lines as Seen<LogLine>,
    audit: (kind: AuditKind, record: AuditRecord) => records.push({ kind, ...record }),
  }
}

export type Keeping = Awaited<ReturnType<typeof openKeys>>

/** The same namespace as a second master has it. */
export async function openElsewhere(server: { url: string }, { namespace }: Keeping) {
  const nc = await connect({ servers: server.url })
  onTestFinished(() => nc.close())
  return openKeys(nc, namespace)
}

/** Resolves once the store has the id's own key in that state; `none`: it has no own key. */
export async function reaches({ store }: Keeping, id: string, state: string): Promise<void> {
  const seen = createSeen<string>()
  const unfollow = store.follow((of, entry) => {
    if (of === id) seen.push(entry?.own?.state ?? 'none')
  })
  seen.push(store.get(id)?.own?.state ?? 'none')
  await seen.find(one => one === state, `${id} is ${state}`)
  unfollow()
}
