// Reading jobs and returns from Redis.
import type { JidsFilter, KnownLoad, ReadLimits } from '../../functions/define-returner.ts'
import type { StoredReturn } from '../../protocol/returned.ts'
import { END_BYTES, leftOut, planRead } from '../bounded-read.ts'
import type { RedisClient, RedisConnection } from './connection.ts'
import { endKey, JIDS, loadKey, MINIONS, newestKey, retKey } from './keys.ts'
import { ENDS, SIZES } from './scripts.ts'

/** Asked for, or looked at, at once. */
export const PAGE = 500

/** Of those that are there, in the order of the jids. */
export async function loadsOf(client: RedisClient, jids: string[]): Promise<KnownLoad[]> {
  const [loads, ends] = await Promise.all([client.mGet(jids.map(loadKey)), client.mGet(jids.map(endKey))])
  return loads.flatMap((text, n) => {
    if (text === null) return []
    const endtime = ends[n]
    return [{ ...JSON.parse(text), ...(endtime ? { endtime } : {}) }]
  })
}

/** Newest first. */
export async function newestLoads(
  client: RedisClient,
  { count, before, filter_find_job = true }: JidsFilter,
): Promise<KnownLoad[]> {
  const found: KnownLoad[] = []
  let from = before === undefined ? '+' : `(${before}`
  while (found.length < count) {
    const page = { BY: 'LEX', REV: true, LIMIT: { offset: 0, count: PAGE } } as const
    const jids = await client.zRange(JIDS, from, '-', page)
    if (jids.length === 0) break
    const loads = await loadsOf(client, jids)
    found.push(...loads.filter(load => !filter_find_job || load.fun !== 'saltutil.find_job'))
    from = `(${jids.at(-1)}`
  }
  return found.slice(0, count)
}

/** Of a function, by minion. */
export async function newestReturns(client: RedisClient, fun: string): Promise<Record<string, StoredReturn>> {
  const minions = await client.sMembers(MINIONS)
  const found: StoredReturn[] = []
  for (let at = 0; at < minions.length; at += PAGE) {
    const ids = minions.slice(at, at + PAGE)
    const jids = await client.mGet(ids.map(id => newestKey(id, fun)))
    const texts = await Promise.all(ids.map((id, n) => jids[n] && client.hGet(retKey(jids[n]), id)))
    found.push(...texts.flatMap(text => (text ? [JSON.parse(text)] : [])))
  }
  return byMinion(found.filter(one => one.fun === fun))
}

/** Of a job, by minion: in steps, each within the time of one call. */
export async function returnsOf(
  use: RedisConnection['use'],
  jid: string,
  { signal, ...limits }: ReadLimits = {},
): Promise<Record<string, StoredReturn>> {
  const key = retKey(jid)
  const step = <T>(work: (client: RedisClient) => Promise<T>): Promise<T> => {
    signal?.throwIfAborted()
    return use(work)
  }
  const sizes = (await step(client => client.eval(SIZES, { keys: [key] }))) as [id: string, bytes: number][]
  const { whole, ends } = planRead(
    sizes.map(([id, bytes]) => ({ id, bytes })),
    limits,
  )
  const found: StoredReturn[] = []
  for (const some of whole) {
    const ids = some.map(({ id }) => id)
    // One that has expired since is not there any more.
    const texts = await step(client => client.hmGet(key, ids))
    found.push(...texts.flatMap(text => (text === null ? [] : [JSON.parse(text)])))
  }
  for (const some of ends) {
    const args = [String(END_BYTES), ...some.map(({ id }) => id)]
    const texts = (await step(client => client.eval(ENDS, { keys: [key], arguments: args }))) as [string, string][]
    found.push(...texts.map(([head, tail], n) => leftOut(jid, { ...some[n]!, head, tail })))
  }
  return byMinion(found)
}

export const byMinion = (returns: StoredReturn[]): Record<string, StoredReturn> =>
  Object.fromEntries(returns.map(one => [one.id, one]))
