// A part of what was compiled: the states of one ID, and those that they need.
import type { Compiled } from './types.ts'

/** Without any where there is no such ID. */
export function partOf({ high, chunks, requisites, errors }: Compiled, id: string): Compiled {
  const wanted = new Set<number>()
  const want = chunks.flatMap((chunk, at) => (chunk.__id__ === id ? [at] : []))
  for (let at = want.pop(); at !== undefined; at = want.pop()) {
    if (wanted.has(at)) continue
    wanted.add(at)
    for (const { kind, chunks: needed } of requisites[at]!) if (kind !== 'listen') want.push(...needed)
  }
  const kept = [...wanted].sort((a, b) => a - b)
  const place = new Map(kept.map((from, to) => [from, to]))
  return {
    high,
    errors,
    chunks: kept.map(at => chunks[at]!),
    // What is listened to and left out has not changed.
    requisites: kept.map(at =>
      requisites[at]!.filter(
        ({ kind, chunks: of }) => kind !== 'listen' || of.length === 0 || of.some(one => wanted.has(one)),
      ).map(one => ({ ...one, chunks: one.chunks.flatMap(from => place.get(from) ?? []) })),
    ),
  }
}
