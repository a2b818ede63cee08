// A store of job results for tests of what writes to it and reads from it: it keeps all in memory, shows what came, and can be
// down, refuse a record or trip over it on demand.
import {
  type JidsFilter,
  type KnownLoad,
  type ReturnerStore,
  refused as refusedRecord,
} from '../../src/functions/define-returner.ts'
import type { JobLoad, StoredEvent, StoredReturn } from '../../src/protocol/returned.ts'
import type { Stores } from '../../src/returner/open.ts'
import { createSeen } from '../helpers/wait.ts'

export type MemoryStore = ReturnType<typeof memoryStore>

export function memoryStore() {
  const loads = new Map<string, KnownLoad>()
  const returns = new Map<string, Map<string, StoredReturn>>()
  const came = {
    loads: createSeen<JobLoad>(),
    returns: createSeen<StoredReturn>(),
    ends: createSeen<{ jid: string; endtime: string }>(),
    events: createSeen<StoredEvent>(),
    batches: createSeen<StoredEvent[]>(),
    tries: createSeen<string>(),
  }
  let down = false
  let refuses: (record: JobLoad | StoredReturn | StoredEvent) => boolean = () => false
  let trips: typeof refuses = () => false
  const take = (what: string, records: readonly (JobLoad | StoredReturn | StoredEvent)[]) => {
    came.tries.push(what)
    if (down) throw new Error('the database is away')
    if (records.some(trips)) throw new Error('the connection was reset')
    if (records.some(refuses)) throw refusedRecord('the column is too short')
  }
  const look = () => {
    if (down) throw new Error('the database is away')
  }
  const store = {
    async save_load(batch: readonly JobLoad[]) {
      take('save_load', batch)
      for (const load of batch) {
        loads.set(load.jid, load)
        came.loads.push(load)
      }
    },
    async returner(batch: readonly StoredReturn[]) {
      take('returner', batch)
      for (const one of batch) {
        returns.set(one.jid, (returns.get(one.jid) ?? new Map()).set(one.id, one))
        came.returns.push(one)
      }
    },
    async update_endtime(ends: readonly { jid: string; endtime: string }[]) {
      look()
      for (const { jid, endtime } of ends) {
        const load = loads.get(jid)
        if (load) loads.set(jid, { ...load, endtime })
        came.ends.push({ jid, endtime })
      }
    },
    async event_return(batch: readonly StoredEvent[]) {
      take('event_return', batch)
      came.batches.push([...batch])
      for (const event of batch) came.events.push(event)
    },
    async get_load(jid: string) {
      look()
      return loads.get(jid)
    },
    async get_jid(jid: string) {
      look()
      return Object.fromEntries(returns.get(jid) ?? [])
    },
    async get_jids_filter({ count, before = '~', filter_find_job = true }: JidsFilter) {
      look()
      return [...loads.values()]
        .filter(load => load.jid < before && !(filter_find_job && load.fun === 'saltutil.find_job'))
        .sort((a, b) => (a.jid > b.jid ? -1 : 1))
        .slice(0, count)
    },
    async close() {},
  } satisfies ReturnerStore
  return {
    store,
    came,
    goDown() {
      down = true
    },
    comeBack() {
      down = false
    },
    refuse(what: typeof refuses) {
      refuses = what
    },
    /** Fails with them, and says nothing of them. */
    tripOver(what: typeof trips) {
      trips = what
    },
  }
}

/** Opens each of them by its name. */
export const storesOf =
  (named: Record<string, MemoryStore>): (() => Promise<Stores>) =>
  async () => ({ open: async name => named[name]!.store, close: async () => undefined })
