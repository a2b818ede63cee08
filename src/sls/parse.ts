// The YAML of SLS files. Many minions get the same text of a file: it is parsed once, and what it holds is given to all.
import type { SourceFile } from '../jinja/excerpt.ts'
import { readYaml, type Tags } from '../jinja/yaml.ts'

const parsed = new Map<string, unknown>()
/** Characters of the texts that are kept, and of one of them. */
const MOST_KEPT = 8_000_000
const LONGEST_KEPT = 100_000
let kept = 0

/** Frozen. Throws `template` with the line. What a tag stands for is read anew each time. */
export function parseYaml(file: SourceFile, tags: Tags): unknown {
  const before = parsed.get(file.text)
  if (before !== undefined) return before
  let tagged = false
  const watched = tags.map(tag => ({
    ...tag,
    resolve: (...args: Parameters<typeof tag.resolve>) => {
      tagged = true
      return tag.resolve(...args)
    },
  }))
  const value = frozen(readYaml(file.text, { path: file.path, tags: watched }))
  if (tagged || file.text.length > LONGEST_KEPT) return value
  kept += file.text.length
  if (kept > MOST_KEPT) {
    parsed.clear()
    kept = file.text.length
  }
  parsed.set(file.text, value)
  return value
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) frozen(inner)
  return value
}
