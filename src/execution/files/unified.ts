// The unified diff of two texts, as `diff -u` and Salt print it. Its work is bounded: texts that have little in common are
// shown as one block for another.

const CONTEXT = 3
/** Lines removed and added up to which the shortest diff is looked for. */
const MOST_EDITS = 1000

/** A line of the old text, of the new one, or of both. */
type Op = ' ' | '-' | '+'

/** Empty where they are equal. */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return ''
  const [a, b] = [linesOf(before), linesOf(after)]
  const ops = compare(a, b)
  const out = ['--- \n', '+++ \n']
  for (const [from, to] of hunks(ops)) out.push(...hunk(ops, from, to, a, b))
  return out.join('')
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

function compare(a: readonly string[], b: readonly string[]): Op[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const middle = shortest(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  return [...times(' ', head), ...middle, ...times(' ', tail)]
}

const times = (op: Op, count: number): Op[] => new Array<Op>(count).fill(op)

/** Myers' greedy search: `reach[k]` is how far into `a` the diagonal k gets with so many edits. */
function shortest(a: readonly string[], b: readonly string[]): Op[] {
  const most = Math.min(a.length + b.length, MOST_EDITS)
  const reach = new Int32Array(2 * most + 3)
  const at = (k: number) => k + most + 1
  const trace: Int32Array[] = []
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reach.slice(at(-edits) - 1, at(edits) + 2))
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && reach[at(k - 1)]! < reach[at(k + 1)]!)
      let x = down ? reach[at(k + 1)]! : reach[at(k - 1)]! + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach[at(k)] = x
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length)
    }
  }
  return [...times('-', a.length), ...times('+', b.length)]
}

function walkBack(trace: readonly Int32Array[], length: number, other: number): Op[] {
  const ops: Op[] = []
  let [x, y] = [length, other]
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const before = trace[edits]!
    const reached = (k: number) => before[k + edits + 1]!
    const k = x - y
    const down = k === -edits || (k !== edits && reached(k - 1) < reached(k + 1))
    const fromK = down ? k + 1 : k - 1
    const fromX = reached(fromK)
    const fromY = fromX - fromK
    while (x > fromX && y > fromY) {
      ops.push(' ')
      x--
      y--
    }
    ops.push(down ? '+' : '-')
    ;[x, y] = [fromX, fromY]
  }
  return [...ops.concat(times(' ', x)).reverse()]
}

/** Ranges of operations: changes with the lines around them, those that touch as one. */
function hunks(ops: readonly Op[]): [number, number][] {
  const found: [number, number][] = []
  ops.forEach((op, index) => {
    if (op === ' ') return
    const [from, to] = [Math.max(0, index - CONTEXT), Math.min(ops.length, index + CONTEXT + 1)]
    const last = found.at(-1)
    if (last && from <= last[1]) last[1] = to
    else found.push([from, to])
  })
  return found
}

function hunk(ops: readonly Op[], from: number, to: number, a: readonly string[], b: readonly string[]): string[] {
  let [x, y] = [0, 0]
  for (let index = 0; index < from; index++) {
    if (ops[index] !== '+') x++
    if (ops[index] !== '-') y++
  }
  const [startX, startY] = [x, y]
  const lines: string[] = []
  let added: string[] = []
  for (let index = from; index < to; index++) {
    const op = ops[index]!
    // Removed lines of a block stand before those that take their place.
    if (op === '+') added.push(line('+', b[y]!))
    else {
      if (op === ' ') lines.push(...added.splice(0))
      lines.push(line(op, a[x]!))
    }
    if (op !== '+') x++
    if (op !== '-') y++
  }
  lines.push(...added)
  added = []
  return [`@@ -${range(startX, x - startX)} +${range(startY, y - startY)} @@\n`, ...lines]
}

const line = (op: Op, text: string): string =>
  text.endsWith('\n') ? op + text : `${op}${text}\n\\ No newline at end of file\n`

function range(start: number, length: number): string {
  if (length === 1) return String(start + 1)
  return `${length === 0 ? start : start + 1},${length}`
}
