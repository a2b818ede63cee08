// What is wrong with a rule file, and how that is said: one line each, safe to print, of bounded length and number.

import { cleanText } from '../../base/clean.ts'
import { cut } from '../../base/text.ts'

/** Lines and columns count from 1. */
export interface RuleProblem {
  file: string
  line: number
  column: number
  rule?: string
  message: string
}

const MAX_MESSAGE = 300
const MAX_LISTED = 20

/** The text on one line of at most 300 characters; what a terminal would obey is shown as an escape. */
export function oneLine(text: string): string {
  return cut(cleanText(text.slice(0, 2 * MAX_MESSAGE)), MAX_MESSAGE)
}

/** `file:line:column: message`, as compilers write it and editors jump to. */
export const formatProblem = ({ file, line, column, message }: RuleProblem): string =>
  `${oneLine(file)}:${line}:${column}: ${oneLine(message)}`

/** The problems as lines; of each file the first 20, then how many more there are. */
export function formatProblems(problems: readonly RuleProblem[]): string[] {
  const byFile = new Map<string, RuleProblem[]>()
  for (const problem of problems) {
    const known = byFile.get(problem.file)
    if (known) known.push(problem)
    else byFile.set(problem.file, [problem])
  }
  return [...byFile].flatMap(([file, all]) => [
    ...all.slice(0, MAX_LISTED).map(formatProblem),
    ...(all.length > MAX_LISTED ? [`${oneLine(file)}: … and ${all.length - MAX_LISTED} more`] : []),
  ])
}
