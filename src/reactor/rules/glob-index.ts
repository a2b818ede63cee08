// All globs of a rule set in one segment trie, matched on the escaped tokens of a subject as they stand. It walks the
// set of reachable nodes token by token, so the cost grows neither with rules that do not match nor, beyond
// tokens x nodes, with what a hostile tag holds. A tag that reaches no node is let go without an allocation.
import { unescapeToken } from '../../protocol/token.ts'
import { parseGlob, splitGlobs } from './glob.ts'
import { createNode, HASH_FACTOR, HASH_START, hashOf, insert, type Node, type Pattern } from './glob-trie.ts'

export interface GlobIndex<T> {
  /** Values whose globs match the escaped tokens of a tag, in the order given, each once. */
  match(subjectTokens: readonly string[]): readonly T[]
  /** The same for the tokens of `subject` from character `from` on. The result must not be changed. */
  matchSubject(subject: string, from: number): readonly T[]
}

const DOT = 46
const NOTHING: readonly never[] = Object.freeze([])

/** Builds the index; each entry's `on` holds globs, of which `"!glob"` excludes. Throws `bad_rule` on a bad glob. */
export function createGlobIndex<T>(entries: readonly { on: readonly string[]; value: T }[]): GlobIndex<T> {
  const root = createNode(false)
  const exclusions: (GlobIndex<true> | undefined)[] = []
  // What a single hit answers, made once: most events that are wanted are wanted by one rule.
  const singles = entries.map(entry => [entry.value])
  for (const [id, entry] of entries.entries()) {
    const { include, exclude } = splitGlobs(entry.on)
    for (const glob of include) for (const branch of parseGlob(glob)) insert(root, branch, id)
    exclusions.push(exclude.length > 0 ? createGlobIndex([{ on: exclude, value: true }]) : undefined)
  }
  const seen = new Float64Array(entries.length)
  const hits: number[] = []
  let call = 0
  let round = 0
  // Filled up to a count and never emptied: an array whose length is set to 0 lets go of its store, and takes another.
  let current: Node[] = []
  let currents = 0
  let next: Node[] = []
  let nexts = 0
  let wholes: { node: Node; at: number }[] = []

  const hit = (ids: readonly number[]) => {
    for (const id of ids) {
      if (seen[id] === call) continue
      seen[id] = call
      hits.push(id)
    }
  }
  const reach = (node: Node, at: number) => {
    for (let reached: Node | undefined = node; reached !== undefined; reached = reached.globstar) {
      if (reached.round === round) return
      reached.round = round
      next[nexts++] = reached
      if (reached.whole.length > 0) wholes.push({ node: reached, at })
    }
  }

  function matchSubject(subject: string, from: number): readonly T[] {
    call++
    round++
    nexts = 0
    reach(root, from)
    const length = subject.length
    for (let start = from; start <= length; ) {
      const swap = current
      current = next
      currents = nexts
      next = swap
      nexts = 0
      round++
      let hash = HASH_START
      let end = start
      for (let code = 0; end < length; end++) {
        code = subject.charCodeAt(end)
        if (code === DOT) break
        hash = Math.imul(hash ^ code, HASH_FACTOR)
      }
      for (let i = 0; i < currents; i++) advance(current[i]!, subject, start, end, hash)
      if (nexts === 0) break
      start = end + 1
    }
    for (let i = 0; i < nexts; i++) hit(next[i]!.values)
    if (wholes.length > 0) matchWholes(subject)
    return hits.length === 0 ? NOTHING : collect(subject, from)
  }

  function advance(node: Node, subject: string, start: number, end: number, hash: number): void {
    let literal = node.literals?.get(hash)
    for (; literal !== undefined; literal = literal.next) {
      if (literal.token.length === end - start && subject.startsWith(literal.token, start)) reach(literal.node, end + 1)
    }
    if (node.star !== undefined) reach(node.star, end + 1)
    if (node.loops) reach(node, end + 1)
    for (let i = 0; i < node.prefixLengths.length; i++) {
      const size = node.prefixLengths[i]!
      if (size > end - start) continue
      const patterns = node.patterns?.get(hashOf(subject, start, start + size))
      if (patterns !== undefined) advancePatterns(patterns, subject, start, end)
    }
  }

  function advancePatterns(patterns: readonly Pattern[], subject: string, start: number, end: number): void {
    let segment: string | undefined
    for (const pattern of patterns) {
      if (!subject.startsWith(pattern.prefix, start)) continue
      segment ??= textOf(subject.slice(start, end))
      if (segment === undefined) return
      if (pattern.node.round !== round && pattern.matches(segment)) reach(pattern.node, end + 1)
    }
  }

  function matchWholes(subject: string): void {
    for (const { node, at } of wholes) {
      if (at > subject.length) continue
      const segments = subject.slice(at).split('.').map(textOf)
      if (segments.includes(undefined)) continue
      const tag = segments.join('/')
      for (const whole of node.whole) if (whole.matches(tag)) hit([whole.value])
    }
    wholes = []
  }

  function collect(subject: string, from: number): readonly T[] {
    if (hits.length === 1) {
      const id = hits.pop()!
      return exclusions[id]?.matchSubject(subject, from).length ? NOTHING : singles[id]!
    }
    const ids = hits.splice(0).sort((a, b) => a - b)
    const kept = ids.filter(id => !exclusions[id]?.matchSubject(subject, from).length)
    return kept.map(id => entries[id]!.value)
  }

  return { matchSubject, match: tokens => matchSubject(tokens.join('.'), 0) }
}

/** A token that this program cannot have written has no text, and only `*`, `**` match it. */
function textOf(token: string): string | undefined {
  try {
    return unescapeToken(token)
  } catch {
    return undefined
  }
}
