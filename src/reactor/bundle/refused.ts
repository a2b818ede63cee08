// What of a folder does not load, file by file, as it is stored and told. Pure.
import { cleanText } from '../../base/clean.ts'
import { ReactorError } from '../../base/errors.ts'
import type { Refusal, RefusedFile } from '../../protocol/rule-view.ts'
import { oneLine, type RuleProblem } from '../rules/problem.ts'
import { notFound } from './switch.ts'

/** A folder may have thousands of files that are all broken by one slip. */
const MOST_FILES = 50
const MOST_PROBLEMS = 5

/** The files that have problems, by name; `kept` are those whose last good rules go on. */
export function refusedFiles(problems: readonly RuleProblem[], kept: readonly string[]): RefusedFile[] {
  const byFile = new Map<string, RuleProblem[]>()
  for (const problem of problems) {
    const before = byFile.get(problem.file)
    if (before) before.push(problem)
    else byFile.set(problem.file, [problem])
  }
  const sorted = [...byFile].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([file, all]) => ({
    file,
    kept: kept.includes(file),
    problems: all.slice(0, MOST_PROBLEMS).map(({ file: _file, message, ...place }) => ({
      ...place,
      message: oneLine(message),
    })),
    ...(all.length > MOST_PROBLEMS ? { more: all.length - MOST_PROBLEMS } : {}),
  }))
}

/** As many of them as are stored, and how many more there are. */
export const boundedRefusal = (files: readonly RefusedFile[]): Pick<Refusal, 'files' | 'more'> => ({
  files: files.slice(0, MOST_FILES),
  ...(files.length > MOST_FILES ? { more: files.length - MOST_FILES } : {}),
})

/** As the list has it. */
export function refusedOf(refusal: Refusal | undefined): { refused?: Omit<Refusal, 'bundle'> } {
  if (!refusal) return {}
  const { bundle: _bundle, ...refused } = refusal
  return { refused }
}

/** That no rule has the name; of one whose file does not load, why. */
export function notShown(
  name: string,
  known: readonly { rule: string }[],
  refused: readonly RefusedFile[] = [],
): ReactorError {
  const own = refused.find(({ problems }) => problems.some(({ rule }) => rule === name))
  if (own) return new ReactorError('not_found', `the rule '${oneLine(name)}' is not in force: ${refusedText(own)}`)
  return notFound(
    [name],
    known.map(({ rule }) => rule),
  )
}

/** `a.yaml is refused, and its last good version goes on: 4:1 unknown key 'doo'. Did you mean 'do'? (and 2 more problems)` */
export function refusedText({ file, kept, problems, more = 0 }: RefusedFile): string {
  const [first] = problems
  const others = problems.length - 1 + more
  const rest = others > 0 ? ` (and ${others} more ${others === 1 ? 'problem' : 'problems'})` : ''
  const goesOn = kept ? 'its last good version goes on' : 'none of its rules is in force'
  return cleanText(
    `${file} is refused, and ${goesOn}: ${first ? `${first.line}:${first.column} ${first.message}` : ''}${rest}`,
  )
}
