// How pillar of several SLS becomes one, as Salt's dictupdate does it. What is given is never changed: it may be shared.
import { canonicalJson, isObject, setOwn } from '../base/json.ts'

export interface Merging {
  /** `overwrite`: of a top key that both have, the later one's counts as a whole. */
  strategy: 'smart' | 'recurse' | 'overwrite' | 'none'
  /** Lists are joined, without what is there already. */
  lists: boolean
}

type Data = Readonly<Record<string, unknown>>

/** `over` laid over `under`: maps are merged, and of everything else the later one counts. */
export function mergePillar(under: Data, over: Data, { strategy, lists }: Merging): Record<string, unknown> {
  return strategy === 'overwrite' ? { ...under, ...over } : mergeMaps(under, over, lists)
}

function mergeMaps(under: Data, over: Data, lists: boolean): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(under, key) ? under[key] : undefined
    setOwn(merged, key, mergeValues(before, value, lists))
  }
  return merged
}

function mergeValues(under: unknown, over: unknown, lists: boolean): unknown {
  if (isObject(under) && isObject(over)) return mergeMaps(under, over, lists)
  if (!lists || !Array.isArray(under) || !Array.isArray(over)) return over
  const joined = [...under]
  // Not each with all the others: what a minion sends of it may be long.
  const known = new Set(under.map(canonicalJson))
  for (const item of over) {
    const json = canonicalJson(item)
    if (known.has(json)) continue
    known.add(json)
    joined.push(item)
  }
  return joined
}
