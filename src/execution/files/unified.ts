// The unified diff of two texts, line for line as Python's difflib makes it, whose diffs are the ones that Salt shows. Beyond
// it: a last line without a newline is said to be one, as `diff -u` does.
import { matchingBlocks } from './matching-lines.ts'

const CONTEXT = 3

/** A line of the old text, of the new one, or of both. */
type Op = ' ' | '-' | '+'

/** Empty where they are equal. */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return ''
  const [a, b] = [linesOf(before), linesOf(after)]
  const ops = compare(a, b)
  const out = ['--- \n', '+++ \n']
  let [at, x, y] = [0, 0, 0]
  for (const [from, to] of hunks(ops)) {
    // What lies between hunks is in both.
    x += from - at
    y += from - at
    const [startX, startY] = [x, y]
    const head = out.push('') - 1
    for (at = from; at < to; at++) {
      const op = ops[at]!
      out.push(line(op, op === '+' ? b[y]! : a[x]!))
      if (op !== '+') x++
      if (op !== '-') y++
    }
    out[head] = `@@ -${range(startX, x - startX)} +${range(startY, y - startY)} @@\n`
  }
  return out.join('')
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

/** Of lines that differ, those that go stand before those that take their place. */
function compare(a: readonly string[], b: readonly string[]): Op[] {
  const ops: Op[] = []
  let [x, y] = [0, 0]
  for (const [i, j, length] of [...matchingBlocks(a, b), [a.length, b.length, 0] as const]) {
    for (; x < i; x++) ops.push('-')
    for (; y < j; y++) ops.push('+')
    for (let n = 0; n < length; n++) ops.push(' ')
    x += length
    y += length
  }
  return ops
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

const line = (op: Op, text: string): string =>
  text.endsWith('\n') ? op + text : `${op}${text}\n\\ No newline at end of file\n`

function range(start: number, length: number): string {
  if (length === 1) return String(start + 1)
  return `${length === 0 ? start : start + 1},${length}`
}
