// The order in which chunks run: by their numbers, but what one requires just before it; or the cycles that allow no order.
import type { Resolved } from './types.ts'

export interface Sequence {
  /** Places of the chunks, in the order in which they run; worth nothing where there are cycles. */
  order: number[]
  /** Each as the places of its chunks, from one of them back to it: `[1, 2, 1]`. Cycles that share a chunk are told once. */
  cycles: number[][]
}

const NEW = 0
const OPEN = 1
const DONE = 2

export function sequence(requisites: readonly (readonly Resolved[])[]): Sequence {
  const { needs, chunkOf } = createGraph(requisites)
  const state = new Uint8Array(needs.length)
  const told = new Set<number>()
  const order: number[] = []
  const cycles: number[][] = []
  for (let root = 0; root < requisites.length; root++) {
    if (state[root] !== NEW) continue
    // A stack of its own: a chain of ten thousand requisites is as deep.
    const path = [{ node: root, next: 0 }]
    state[root] = OPEN
    for (let at = path.at(-1); at; at = path.at(-1)) {
      const need = needs[at.node]![at.next++]
      if (need === undefined) {
        state[at.node] = DONE
        if (at.node < requisites.length) order.push(at.node)
        path.pop()
      } else if (state[need] === NEW) {
        state[need] = OPEN
        path.push({ node: need, next: 0 })
      } else if (state[need] === OPEN) {
        const from = path.findIndex(({ node }) => node === need)
        const cycle = path.slice(from).flatMap(({ node }) => chunkOf(node))
        if (cycle.some(chunk => told.has(chunk))) continue
        for (const chunk of cycle) told.add(chunk)
        cycles.push([...cycle, cycle[0]!])
      }
    }
  }
  return { order, cycles }
}

/**
 * Nodes and what each needs before it: the chunks, then one for each list that references share, so that a thousand states
 * that require an SLS of a thousand are no million edges, then one for the test of each target of a `prereq`, which needs
 * what the target needs, but not what waits for that test.
 */
function createGraph(requisites: readonly (readonly Resolved[])[]) {
  const needs: (readonly number[])[] = requisites.map(() => [])
  const lists = new Map<readonly number[], number>()
  const listNode = (chunks: readonly number[]): number => {
    if (chunks.length === 1) return chunks[0]!
    const known = lists.get(chunks)
    if (known !== undefined) return known
    lists.set(chunks, needs.length)
    return needs.push(chunks) - 1
  }
  const ordinary = requisites.map(list =>
    list.flatMap(({ kind, chunks }) =>
      kind === 'listen' || kind === 'prereq' || kind === 'prerequired' ? [] : [listNode(chunks)],
    ),
  )
  const ofKind = (index: number, wanted: 'prereq' | 'prerequired') =>
    requisites[index]!.filter(({ kind }) => kind === wanted).flatMap(({ chunks }) => chunks)

  const lastList = needs.length
  const tested: number[] = []
  const tests = new Map<number, number>()
  const testNode = (target: number): number => {
    const known = tests.get(target)
    if (known !== undefined) return known
    tests.set(target, needs.length)
    tested.push(target)
    return needs.push([]) - 1
  }
  requisites.forEach((_, index) => {
    needs[index] = [...ordinary[index]!, ...ofKind(index, 'prereq').map(testNode), ...ofKind(index, 'prerequired')]
  })
  for (const [target, node] of tests) needs[node] = [...ordinary[target]!, ...ofKind(target, 'prereq').map(testNode)]

  const chunkOf = (node: number): number[] => {
    if (node < requisites.length) return [node]
    return node < lastList ? [] : [tested[node - lastList]!]
  }
  return { needs, chunkOf }
}
