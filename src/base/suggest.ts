// "Did you mean": the nearest of the known names, or nothing when none is near.
import { distance } from 'fastest-levenshtein'

/** The known name nearest to `name`, if it is at most a third of its letters away (two in a word of four: swapped letters). */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = (name.length < 4 ? 1 : Math.max(2, Math.floor(name.length / 3))) + 1
  for (const candidate of known) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase())
    if (d < bestDistance) [best, bestDistance] = [candidate, d]
  }
  return best
}

/** ` Did you mean 'x'?` with its leading space, or an empty string. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const hit = nearest(name, known)
  return hit === undefined ? '' : ` Did you mean '${hit}'?`
}
