// Reading jobs and returns from Redis.
import type { JidsFilter, KnownLoad } from '../../functions/define-returner.ts'
import type { StoredReturn } from '../../protocol/returned.ts'
import type { RedisClient } from './connection.ts'
import { endKey, JIDS, loadKey, MINIONS, newestKey, retKey } from './keys.ts'

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

export const byMinion = (returns: StoredReturn[]): Record<string, StoredReturn> =>
  Object.fromEntries(returns.map(one => [one.id, one]))
