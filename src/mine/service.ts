// The mine's side of `<ns>.mine.<minion>`: keeps what minions send, and lets them read what the senders allow. The
// server lets nobody but the minion publish on its subject.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { parseJson } from '../bus/request.ts'
import { serve } from '../bus/serve.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createBudget } from '../protocol/target/budget.ts'
import { compileTarget, resolveWithin } from '../protocol/target.ts'
import { escapeToken } from '../protocol/token.ts'
import { entryJson, entryLimit, type MineGet, type MinePage, type MineSend, readMineRequest } from './request.ts'
import { type Allow, type MineEntry, mayRead, type Nodegroups, type Reader } from './rules.ts'
import type { MineStore } from './store.ts'

export interface MineParts {
  nc: NatsConnection
  subjects: Subjects
  store: MineStore
  fleet: { readonly values: ReadonlyMap<string, MinionEntry> }
  nodegroups: Nodegroups
  log: Log
}

/** The worker does nothing else meanwhile, and any minion may ask. */
const TARGET_BUDGET_MS = 1000
/** Entries that one request looks at, readable or not. */
const MOST_LOOKED_AT = 5000

/** Answers `send`, `delete` and `flush` with true, `get` with a page. Stopping it leaves the store open. */
export function serveMine(parts: MineParts): Promise<Running> {
  const { nc, subjects, store, fleet, nodegroups, log } = parts
  const targets = { nodegroups, pillar: true }
  const limit = () => entryLimit(maxPayload(nc))

  const send = (minion: string, { name, data, allow }: MineSend): true => {
    // Said now, to the one who can mend it, and not to those who read.
    if (allow) compileTarget(allow.tgt, allow.tgt_type, targets)
    store.put(minion, name, { ...entryJson({ name, data }, limit()), allow })
    return true
  }

  const get = (minion: string, request: MineGet): MinePage => {
    const { tgt, tgt_type, after } = request
    const budget = createBudget(TARGET_BUDGET_MS)
    const { minions } = resolveWithin(budget, tgt, tgt_type, fleet.values.values(), targets)
    const reader: Reader = fleet.values.get(escapeToken(minion)) ?? { id: minion, grains: {} }
    const allowed = readableBy(reader)
    const found = store.find(minions, request.names, after, MOST_LOOKED_AT)
    const entries: MineEntry[] = []
    let bytes = 0
    for (const { minion: id, name, ...head } of found) {
      const json = allowed(head.allow) ? store.data(id, name) : undefined
      // Another worker may have deleted it meanwhile.
      if (json === undefined) continue
      entries.push({ minion: id, name, data: JSON.parse(json) })
      bytes += head.bytes + Buffer.byteLength(JSON.stringify({ minion: id, name, data: null }))
      if (bytes >= 2 * limit()) return { entries, next: { minion: id, name } }
    }
    const last = found.length < MOST_LOOKED_AT ? undefined : found.at(-1)
    return last ? { entries, next: { minion: last.minion, name: last.name } } : { entries }
  }

  /** Many entries have the same rule: each is looked at once, and said once where it cannot be read. */
  const readableBy = (reader: Reader) => {
    const known = new Map<string, boolean>()
    return (allow: Allow | undefined): boolean => {
      const key = JSON.stringify(allow ?? null)
      const before = known.get(key)
      if (before !== undefined) return before
      let may = false
      try {
        may = mayRead(allow, reader, nodegroups)
      } catch (error) {
        log.warn(
          { allow, error: errorMessage(error) },
          'a rule of the mine is no target any more: nobody may read by it',
        )
      }
      known.set(key, may)
      return may
    }
  }

  return serve(nc, {
    name: `${subjects.ns}-mine`,
    description: 'the mine, for minions: {op: send | get | delete | flush, …}',
    queue: `${subjects.ns}-cache`,
    log,
    endpoints: [
      {
        name: 'mine',
        subject: subjects.anyMinion('mine'),
        async handle(request) {
          const minion = subjects.minionIn(request.subject)
          const asked = readMineRequest(parseJson(request.string()))
          if (asked.op === 'send') return send(minion, asked)
          if (asked.op === 'get') return get(minion, asked)
          if (asked.op === 'delete') store.delete(minion, asked.name)
          else store.flush(minion, asked.keep ?? [])
          return true
        },
      },
    ],
  })
}
