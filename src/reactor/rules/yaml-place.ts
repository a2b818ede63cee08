// Where in a YAML text a value or key stands, and which values JSON cannot carry: rules travel as JSON.
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, visit } from 'yaml'
import type { Path } from './path.ts'

export interface Place {
  line: number
  column: number
}

const MAX_DEPTH = 50

/** Finds places in one document; a path that is not there gives the place of the nearest parent. */
export function createPlaces(document: Document.Parsed, lines: LineCounter) {
  const ofOffset = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const offset = (node: unknown): number => ((node as Node | null)?.range ?? document.range)?.[0] ?? 0
  const ofNode = (node: unknown): Place => ofOffset(offset(node))
  const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node)
  return {
    /** Characters from the beginning of the text. */
    offset,
    ofOffset,
    ofNode,
    find(path: Path, at?: 'key'): Place {
      let found: unknown = document.contents
      let place: unknown = found
      for (const [index, step] of path.entries()) {
        const node = resolve(found)
        if (isMap(node)) {
          const pair = node.items.find(item => String(isScalar(item.key) ? item.key.value : item.key) === String(step))
          if (!pair) break
          found = pair.value
          // An absent value has no place of its own, its key has.
          place = (at === 'key' && index === path.length - 1) || !(found as Node | null)?.range ? pair.key : found
        } else if (isSeq(node)) {
          found = node.items[Number(step)]
          place = found
        } else break
      }
      return ofNode(place)
    },
  }
}

/** Keys that are no text, among them an unquoted `{{ … }}`, with the node to point at. */
export function badKeys(document: Document.Parsed): { node: unknown; message: string }[] {
  const found: { node: unknown; message: string }[] = []
  visit(document, {
    Pair(_index, pair) {
      const { key } = pair
      const name = isScalar(key) ? key.value : undefined
      if (isMap(key) || isSeq(key))
        found.push({ node: key, message: 'a key must be text; quote a value that begins with a template: "{{ … }}"' })
      else if (name === null || name === undefined) found.push({ node: key, message: 'a key is empty' })
      else if (typeof name === 'string' && /\{\{|\{%/.test(name))
        found.push({ node: key, message: `'${name}': templates have no place in keys, only in values` })
    },
  })
  return found
}

/** What in `value` JSON cannot carry as it stands: cycles, numbers that lose digits, endless nesting. */
export function jsonProblems(value: unknown): { path: Path; message: string }[] {
  const found: { path: Path; message: string }[] = []
  const above = new Set<unknown>()
  const walk = (inner: unknown, path: Path): void => {
    if (found.length > 0 && path.length > MAX_DEPTH) return
    if (typeof inner === 'number') {
      if (!Number.isFinite(inner)) found.push({ path, message: `${inner} is no number that JSON can carry` })
      else if (Number.isInteger(inner) && !Number.isSafeInteger(inner))
        found.push({ path, message: `${inner} is too large to stay exact: quote it` })
    } else if (typeof inner === 'object' && inner !== null) {
      if (above.has(inner)) found.push({ path, message: 'an alias contains itself' })
      else if (path.length > MAX_DEPTH) found.push({ path, message: `nested deeper than ${MAX_DEPTH}` })
      else {
        above.add(inner)
        if (Array.isArray(inner)) for (const [index, item] of inner.entries()) walk(item, [...path, index])
        else for (const [key, item] of Object.entries(inner)) walk(item, [...path, key])
        above.delete(inner)
      }
    }
  }
  walk(value, [])
  return found
}
