// Which lines two texts have in common: the longest run of equal lines, then the same of what lies before it and behind it, as
// Python's difflib finds them. The work is bounded: where it would be too much, the rest counts as different.

/** Where it begins in the one and in the other, and its lines. */
export type Block = readonly [a: number, b: number, length: number]

/** Steps in all; about a second. */
const MOST_STEPS = 5_000_000
/** From so many lines on, those that make up more than a hundredth are not looked for, but may lie at the edge of a run. */
const MANY = 200

/** In their order; runs that touch may be two. */
export function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] {
  const places = placesOf(b)
  /** By the place in b where it ends, one on: how long the run is that ends there and at the line of a looked at. */
  let [before, here] = [new Int32Array(b.length + 1), new Int32Array(b.length + 1)]
  let steps = 0

  const longest = (fromA: number, toA: number, fromB: number, toB: number): Block => {
    let [atA, atB, length] = [fromA, fromB, 0]
    let marked: number[] = []
    for (let i = fromA; i < toA; i++) {
      const marks: number[] = []
      const all = places.get(a[i]!) ?? []
      steps += 1 + all.length
      if (steps > MOST_STEPS) return [fromA, fromB, 0]
      for (const j of all) {
        if (j < fromB) continue
        if (j >= toB) break
        const run = before[j]! + 1
        here[j + 1] = run
        marks.push(j + 1)
        if (run > length) [atA, atB, length] = [i - run + 1, j - run + 1, run]
      }
      for (const mark of marked) before[mark] = 0
      marked = marks
      ;[before, here] = [here, before]
    }
    for (const mark of marked) before[mark] = 0
    while (atA > fromA && atB > fromB && a[atA - 1] === b[atB - 1]) {
      atA--
      atB--
      length++
    }
    while (atA + length < toA && atB + length < toB && a[atA + length] === b[atB + length]) length++
    return [atA, atB, length]
  }

  const blocks: Block[] = []
  const ranges: [fromA: number, toA: number, fromB: number, toB: number][] = [[0, a.length, 0, b.length]]
  for (let range = ranges.pop(); range && steps < MOST_STEPS; range = ranges.pop()) {
    const [fromA, toA, fromB, toB] = range
    const found = longest(fromA, toA, fromB, toB)
    const [i, j, length] = found
    if (length === 0) continue
    blocks.push(found)
    if (fromA < i && fromB < j) ranges.push([fromA, i, fromB, j])
    if (i + length < toA && j + length < toB) ranges.push([i + length, toA, j + length, toB])
  }
  return blocks.sort((one, other) => one[0] - other[0])
}

function placesOf(lines: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  lines.forEach((line, at) => {
    const there = places.get(line)
    if (there) there.push(at)
    else places.set(line, [at])
  })
  const most = Math.floor(lines.length / 100) + 1
  if (lines.length >= MANY) for (const [line, all] of places) if (all.length > most) places.delete(line)
  return places
}
