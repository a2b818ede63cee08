// One store that stands for several.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { CAPABILITIES, type Capability, isRefused, type ReturnerStore, refused } from '../functions/define-returner.ts'

export interface NamedStore {
  name: string
  store: ReturnerStore
}
type Able<C extends Capability> = { name: string; store: Required<Pick<ReturnerStore, C>> }

/** Writes go to all that can, reads to the first that can; what none of them can it cannot. They stay open. */
export function storeOfSeveral(stores: readonly NamedStore[]): ReturnerStore {
  const able = <C extends Capability>(can: C): Able<C>[] =>
    stores.filter((one): one is NamedStore & Able<C> => one.store[can] !== undefined)
  const first = <C extends Capability>(can: C) => able(can)[0]!.store

  const all: Required<ReturnerStore> = {
    save_load: async loads => void (await inAll(able('save_load'), store => store.save_load(loads))),
    returner: async returns => void (await inAll(able('returner'), store => store.returner(returns))),
    update_endtime: async ends => void (await inAll(able('update_endtime'), store => store.update_endtime(ends))),
    event_return: async events => void (await inAll(able('event_return'), store => store.event_return(events))),
    // The same jobs lie in several of them.
    clean_old_jobs: async before =>
      Math.max(...(await inAll(able('clean_old_jobs'), store => store.clean_old_jobs(before)))),
    get_load: async jid => first('get_load').get_load(jid),
    get_jid: async jid => first('get_jid').get_jid(jid),
    get_jids: async () => first('get_jids').get_jids(),
    get_jids_filter: async filter => first('get_jids_filter').get_jids_filter(filter),
    get_fun: async fun => first('get_fun').get_fun(fun),
    get_minions: async () => first('get_minions').get_minions(),
    // Who opened them closes them.
    close: async () => undefined,
  }
  const store: ReturnerStore = all
  for (const can of CAPABILITIES) if (able(can).length === 0) delete store[can]
  return store
}

/** Waits for all, also where one has failed. A record is refused only where that is all that went wrong: else a later try may do. */
async function inAll<C extends Capability, T>(
  stores: readonly Able<C>[],
  work: (store: Able<C>['store']) => Promise<T>,
): Promise<T[]> {
  const outcomes = await Promise.allSettled(stores.map(({ store }) => work(store)))
  const failed = outcomes.flatMap((outcome, n) =>
    outcome.status === 'rejected' ? [{ name: stores[n]!.name, error: outcome.reason as unknown }] : [],
  )
  if (failed.length === 0) return outcomes.map(outcome => (outcome as PromiseFulfilledResult<T>).value)
  const said = failed.map(({ name, error }) => `${name}: ${errorMessage(error)}`).join('; ')
  if (failed.every(({ error }) => isRefused(error))) throw refused(said, failed[0]!.error)
  const { error } = failed.find(one => !isRefused(one.error))!
  throw new ReactorError(error instanceof ReactorError ? error.code : 'function_failed', said, {}, error)
}
