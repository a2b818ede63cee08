// One store that stands for several.
import { CAPABILITIES, type Capability, minionsOfJob, type ReturnerStore } from '../functions/define-returner.ts'
import { endItem, eventItem, loadItem, returnItem } from './taken.ts'
import { createWriteAll, inAll } from './write-all.ts'

export interface NamedStore {
  name: string
  store: ReturnerStore
}
type Able<C extends Capability> = { name: string; store: Required<Pick<ReturnerStore, C>> }

/** Writes go to all that can, reads to the first that can; what none of them can it cannot. They stay open. */
export function storeOfSeveral(stores: readonly NamedStore[]): ReturnerStore {
  const writeAll = createWriteAll()
  const able = <C extends Capability>(can: C): Able<C>[] =>
    stores.filter((one): one is NamedStore & Able<C> => one.store[can] !== undefined)
  const first = <C extends Capability>(can: C) => able(can)[0]!.store

  const all: Required<ReturnerStore> = {
    save_load: loads => writeAll(able('save_load'), loads, loadItem, (one, left) => one.save_load(left)),
    returner: returns => writeAll(able('returner'), returns, returnItem, (one, left) => one.returner(left)),
    update_endtime: ends => writeAll(able('update_endtime'), ends, endItem, (one, left) => one.update_endtime(left)),
    event_return: events => writeAll(able('event_return'), events, eventItem, (one, left) => one.event_return(left)),
    // The same jobs lie in several of them.
    clean_old_jobs: async before =>
      Math.max(...(await inAll(able('clean_old_jobs'), ({ store }) => store.clean_old_jobs(before)))),
    get_load: async jid => first('get_load').get_load(jid),
    get_jid: async (jid, limits) => first('get_jid').get_jid(jid, limits),
    // Of the same store as the returns.
    get_jid_minions: async jid => minionsOfJob(first('get_jid'), jid),
    get_jids: async () => first('get_jids').get_jids(),
    get_jids_filter: async filter => first('get_jids_filter').get_jids_filter(filter),
    get_fun: async fun => first('get_fun').get_fun(fun),
    get_minions: async () => first('get_minions').get_minions(),
    // Who opened them closes them.
    close: async () => undefined,
  }
  const store: ReturnerStore = all
  for (const can of CAPABILITIES) if (able(can).length === 0) delete store[can]
  if (!store.get_jid) delete store.get_jid_minions
  return store
}
