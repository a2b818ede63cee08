import { describe, expect, it } from 'vitest'
import { formatProblem, formatProblems, type RuleProblem } from '../../../src/reactor/rules/problem.ts'

const problem = (message: string, file = 'a.yaml'): RuleProblem => ({ file, line: 3, column: 5, message })

describe('a problem', () => {
  it('is one line with its place', () => {
    expect(formatProblem(problem('no'))).toBe('a.yaml:3:5: no')
    expect(formatProblem(problem('two\nlines'))).toBe('a.yaml:3:5: two\\nlines')
  })

  it('shows what a terminal would obey, in the file name too', () => {
    expect(formatProblem(problem('\u001b[31mred\u202e', 'b\u0007.yaml'))).toBe('b\\x07.yaml:3:5: \\x1b[31mred\\u202e')
  })

  it('is cut where it is very long', () => {
    const line = formatProblem(problem('x'.repeat(5000)))
    expect(line).toBe(`a.yaml:3:5: ${'x'.repeat(299)}…`)
    expect(formatProblem(problem('x'.repeat(300)))).toBe(`a.yaml:3:5: ${'x'.repeat(300)}`)
  })

  it('is listed with 19 others of its file, then counted', () => {
    const many = Array.from({ length: 23 }, (_, i) => problem(`no ${i}`))
    const lines = formatProblems([...many, problem('other', 'b.yaml')])
    expect(lines).toHaveLength(22)
    expect(lines.slice(19)).toEqual(['a.yaml:3:5: no 19', 'a.yaml: … and 3 more', 'b.yaml:3:5: other'])
    expect(formatProblems(many.slice(0, 20))).toHaveLength(20)
  })
})
