// The trie behind the glob index: one node a segment, literal children by the hash of their escaped token.
import type { GlobBranch, Segment } from './glob.ts'

export interface Node {
  /** Children for literal tokens by the hash of the token; colliding ones are chained by `next`. */
  literals: Map<number, Literal> | undefined
  star: Node | undefined
  globstar: Node | undefined
  /** Children for patterns: by their literal prefix, and the distinct lengths of those prefixes. */
  patterns: Map<number, Pattern[]> | undefined
  prefixLengths: readonly number[]
  /** A globstar node stays reachable over every token. */
  loops: boolean
  values: number[]
  whole: { matches(tag: string): boolean; value: number }[]
  /** The round in which this node was last reached. */
  round: number
}
type Literal = { token: string; node: Node; next: Literal | undefined }
export type Pattern = { source: string; prefix: string; matches(segment: string): boolean; node: Node }

/** Most nodes have none of most: they share it. */
const NONE: never[] = Object.freeze([]) as unknown as never[]

/** Adds a glob's branch; `id` is what it leads to. */
export function insert(root: Node, branch: GlobBranch, id: number): void {
  let node = root
  for (const segment of branch.segments) node = child(node, segment)
  if (branch.whole) {
    if (node.whole === NONE) node.whole = []
    node.whole.push({ matches: branch.whole.matches, value: id })
  } else if (node.values === NONE) node.values = [id]
  // Ids come in order.
  else if (node.values.at(-1) !== id) node.values.push(id)
}

function child(node: Node, segment: Segment): Node {
  if (segment.kind === 'star') {
    node.star ??= createNode(false)
    return node.star
  }
  if (segment.kind === 'globstar') {
    if (node.loops) return node
    node.globstar ??= createNode(true)
    return node.globstar
  }
  if (segment.kind === 'literal') {
    const hash = hashOf(segment.token, 0, segment.token.length)
    node.literals ??= new Map()
    const first = node.literals.get(hash)
    for (let known = first; known !== undefined; known = known.next) {
      if (known.token === segment.token) return known.node
    }
    const added = createNode(false)
    node.literals.set(hash, { token: segment.token, node: added, next: first })
    return added
  }
  const hash = hashOf(segment.prefix, 0, segment.prefix.length)
  node.patterns ??= new Map()
  const known = node.patterns.get(hash)
  const same = known?.find(pattern => pattern.source === segment.source)
  if (same) return same.node
  const pattern: Pattern = {
    source: segment.source,
    prefix: segment.prefix,
    matches: segment.matches,
    node: createNode(false),
  }
  if (known) known.push(pattern)
  else node.patterns.set(hash, [pattern])
  if (!node.prefixLengths.includes(segment.prefix.length))
    node.prefixLengths = [...node.prefixLengths, segment.prefix.length]
  return pattern.node
}

export function createNode(loops: boolean): Node {
  return {
    literals: undefined,
    star: undefined,
    globstar: undefined,
    patterns: undefined,
    prefixLengths: NONE,
    loops,
    values: NONE,
    whole: NONE,
    round: 0,
  }
}

export const HASH_START = 0x811c9dc5
export const HASH_FACTOR = 0x01000193

export function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), HASH_FACTOR)
  return hash
}
