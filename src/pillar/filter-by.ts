// `grains.filter_by`: the entry of a table that fits a minion's grain, as the maps of formulas choose by the system.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { lookup } from '../grains/lookup.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { mergePillar } from './merge.ts'

type Data = Readonly<Record<string, unknown>>

/** As Salt's: the entry that a grain's value matches, else the default's, with `merge` over it and all of it over `base`'s. */
export function filterBy(grains: Data, given: Data): unknown {
  const { lookup_dict: entries, grain = 'os_family', merge, default: fallback = 'default', base } = given
  if (!isObject(entries)) throw new ReactorError('bad_argument', 'grains.filter_by: lookup_dict must be a map')
  if (merge !== undefined && merge !== null && !isObject(merge))
    throw new ReactorError('bad_argument', 'grains.filter_by: merge must be a map')
  const value = lookup(grains, String(grain), fallback)
  const values = (Array.isArray(value) ? value : [value]).map(String)
  const key =
    Object.keys(entries).find(pattern => values.some(createFnmatch(pattern))) ??
    (Object.hasOwn(entries, String(fallback)) ? String(fallback) : undefined)
  const found = key === undefined ? null : entries[key]
  const based = typeof base === 'string' && isObject(entries[base]) ? entries[base] : undefined
  const under = based ? over(based, found) : found
  return isObject(merge) ? over(isObject(under) ? under : {}, merge) : under
}

const over = (under: Data, upper: unknown): unknown =>
  isObject(upper) ? mergePillar(under, upper, { strategy: 'recurse', lists: false }) : under
