// `exclude`: IDs, or all that certain SLS declare, that are left out.
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { Exclusion } from './read-sls.ts'
import type { Body } from './types.ts'

export function applyExcludes(declared: Map<string, Body>, excluded: readonly Exclusion[]): void {
  const patterns = excluded.flatMap(item => (typeof item === 'string' ? [item] : 'sls' in item ? [item.sls] : []))
  const isExcluded = patterns.map(createFnmatch)
  for (const item of excluded) if (typeof item !== 'string' && 'id' in item) declared.delete(item.id)
  for (const [id, { __sls__ }] of declared) if (isExcluded.some(matches => matches(__sls__))) declared.delete(id)
}
