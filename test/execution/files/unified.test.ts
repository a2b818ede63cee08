import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unifiedDiff } from '../../../src/execution/files/unified.ts'
import { testFolder } from '../../helpers/folder.ts'

/** The new text, made of the old one by the diff alone. */
function applied(before: string, diff: string): string {
  const old = before.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const out: string[] = []
  let at = 0
  const lines = diff.match(/[^\n]*\n/g)!.slice(2)
  lines.forEach((line, index) => {
    const bare = lines[index + 1]?.startsWith('\\') ? line.slice(1, -1) : line.slice(1)
    const hunk = /^@@ -(\d+)(?:,(\d+))? /.exec(line)
    if (hunk) {
      const from = hunk[2] === '0' ? Number(hunk[1]) : Number(hunk[1]) - 1
      while (at < from) out.push(old[at++]!)
    } else if (line.startsWith('+')) out.push(bare)
    else if (!line.startsWith('\\')) {
      expect(bare).toBe(old[at++])
      if (line.startsWith(' ')) out.push(bare)
    }
  })
  return out.concat(old.slice(at)).join('')
}

describe('a unified diff', () => {
  it.each([
    ['', 'a\n', '--- \n+++ \n@@ -0,0 +1 @@\n+a\n'],
    ['a\n', '', '--- \n+++ \n@@ -1 +0,0 @@\n-a\n'],
    ['a\nb\n', 'b\n', '--- \n+++ \n@@ -1,2 +1 @@\n-a\n b\n'],
    ['a', 'a\n', '--- \n+++ \n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n'],
  ])('of %j and %j', (before, after, diff) => {
    expect(unifiedDiff(before, after)).toBe(diff)
  })

  it('is empty for equal texts', () => {
    expect(unifiedDiff('a\nb', 'a\nb')).toBe('')
  })

  it('makes the new text of the old one', () => {
    const text = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '', 'd e'), { maxLength: 40 }), fc.boolean())
      .map(([lines, ended]) => lines.join('\n') + (ended && lines.length > 0 ? '\n' : ''))
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after)
        expect(applied(before, unifiedDiff(before, after))).toBe(after)
      }),
    )
  })

  it('is what diff -u says, but for the names', async () => {
    const folder = await testFolder()
    const before = Array.from({ length: 60 }, (_, index) => `line ${index}\n`)
    const after = before.map((line, index) => (index % 20 === 7 ? `changed ${index}\n` : line)).toSpliced(30, 2)
    await writeFile(join(folder, 'a'), before.join(''))
    await writeFile(join(folder, 'b'), after.join(''))
    const { stdout } = spawnSync('diff', ['-u', 'a', 'b'], { cwd: folder, encoding: 'utf8' })
    const rest = (text: string) => text.split('\n').slice(2)
    expect(rest(unifiedDiff(before.join(''), after.join('')))).toEqual(rest(stdout))
  })

  it('is what difflib of Python says, which does not look for the shortest', () => {
    // Made with difflib.unified_diff; the shortest would keep three lines.
    expect(unifiedDiff('a\nb\nc\nx\ny\n', 'x\ny\na\nq\nb\nq\nc\n')).toBe(
      '--- \n+++ \n@@ -1,5 +1,7 @@\n-a\n-b\n-c\n x\n y\n+a\n+q\n+b\n+q\n+c\n',
    )
    // Of 200 lines and more, those that are everywhere are no place to begin at.
    const many = (word: string) => Array.from({ length: 120 }, (_, n) => `${word}${n}\n}\n`).join('')
    expect(unifiedDiff(many('a'), many('b')).match(/^ \}$/gm)).toBeNull()
  })

  it('is made in time of the largest texts, whatever their lines are', () => {
    const lines = (count: number, step: number) =>
      Array.from({ length: 200_000 }, (_, n) => `${(n * step) % count}\n`).join('')
    for (const count of [3, 120, 20_000])
      expect(unifiedDiff(lines(count, 7), lines(count, 11))).toMatch(/^--- \n\+\+\+ \n@@ -1,/)
  })

  it('shows texts that have nothing in common as one block for another', () => {
    const [before, after] = ['a', 'b'].map(word =>
      Array.from({ length: 5000 }, (_, index) => `${word}${index}\n`).join(''),
    )
    expect(applied(before!, unifiedDiff(before!, after!))).toBe(after)
  })
})
