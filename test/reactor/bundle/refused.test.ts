import { expect, it } from 'vitest'
import { boundedRefusal, refusedFiles } from '../../../src/reactor/bundle/refused.ts'

const problem = (file: string, line = 1) => ({ file, line, column: 1, rule: 'r', message: 'wrong' })

it('tells the first problems of each file, by its name, and how many more it has', () => {
  const problems = [problem('b.yaml'), ...Array.from({ length: 7 }, (_, index) => problem('a.yaml', index + 1))]
  const [a, b] = refusedFiles(problems, ['a.yaml'])
  expect(a).toMatchObject({ file: 'a.yaml', kept: true, more: 2 })
  expect(a!.problems.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5])
  expect(b).toEqual({
    file: 'b.yaml',
    kept: false,
    problems: [{ line: 1, column: 1, rule: 'r', message: 'wrong' }],
  })
})

it('is small enough to be stored, however many files one slip breaks and whatever they say', () => {
  const problems = Array.from({ length: 5000 }, (_, index) => ({
    ...problem(`f${Math.floor(index / 5)}.yaml`),
    message: '\u{1f525}'.repeat(10_000),
  }))
  const refusal = boundedRefusal(refusedFiles(problems, []))
  expect(refusal.files).toHaveLength(50)
  expect(refusal.more).toBe(950)
  expect(Buffer.byteLength(JSON.stringify(refusal))).toBeLessThan(500_000)
})
