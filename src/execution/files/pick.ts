// Which paths below a folder are meant: globs, or regular expressions behind `E@`, over the path from that folder.
import { createFnmatch } from '../../protocol/fnmatch.ts'
import { pythonRegex } from './python-regex.ts'

export interface Patterns {
  include_pat?: string | null | undefined
  exclude_pat?: string | null | undefined
}

/** Throws a failure on a pattern that cannot be used. */
export function createPick({ include_pat, exclude_pat }: Patterns): (path: string) => boolean {
  const [included, excluded] = [matcher(include_pat), matcher(exclude_pat)]
  return path => (included?.(path) ?? true) && !(excluded?.(path) ?? false)
}

function matcher(pattern: string | null | undefined): ((path: string) => boolean) | undefined {
  if (!pattern) return undefined
  return pattern.startsWith('E@') ? pythonRegex(pattern.slice(2), 0).test : createFnmatch(pattern)
}
