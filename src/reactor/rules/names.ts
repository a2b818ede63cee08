// Who has a rule's name, where several files want it: the file whose rule is in force keeps it, else the first one.
import { resolve } from 'node:path'
import type { RuleProblem } from './problem.ts'
import type { RuleDocument } from './schema.ts'

/** What one file gave. `unsettled`: it was not read this time. */
export interface FileRules {
  file: string
  rules: RuleDocument[]
  problems: RuleProblem[]
  unsettled?: boolean
}

interface Owner {
  file: string
  line: number
  inForce: boolean
}

/** The rules whose names are their own, in the order of the files, and a problem for each that is not. */
export function settleNames(
  files: readonly FileRules[],
  inForce: readonly RuleDocument[],
): { rules: RuleDocument[]; problems: RuleProblem[] } {
  const owners = ownersInForce(files, inForce)
  const rules: RuleDocument[] = []
  const problems: RuleProblem[] = []
  for (const { file, rules: own } of files) {
    for (const rule of own) {
      const owner = owners.get(rule.rule)
      if (owner && owner.file !== file) {
        const message = `the rule name '${rule.rule}' is taken by ${owner.file}:${owner.line}${owner.inForce ? ', which is in force' : ''}`
        problems.push({ ...rule.source, column: 1, rule: rule.rule, message })
        continue
      }
      if (!owner) owners.set(rule.rule, { file, line: rule.source.line, inForce: false })
      rules.push(rule)
    }
  }
  return { rules, problems }
}

/** A file keeps the names of its rules in force for as long as it has them, or cannot be asked. */
function ownersInForce(files: readonly FileRules[], inForce: readonly RuleDocument[]): Map<string, Owner> {
  const owners = new Map<string, Owner>()
  if (inForce.length === 0) return owners
  const holders = new Map(files.map(one => [resolve(one.file), { file: one.file, ...claimsOf(one) }]))
  for (const { rule, source } of inForce) {
    const holder = holders.get(resolve(source.file))
    if (!holder || !(holder.unclear || holder.lines.has(rule))) continue
    owners.set(rule, { file: holder.file, line: holder.lines.get(rule) ?? source.line, inForce: true })
  }
  return owners
}

function claimsOf({ rules, problems, unsettled }: FileRules): { lines: Map<string, number>; unclear: boolean } {
  const lines = new Map<string, number>()
  for (const { rule, line } of problems) if (rule !== undefined) lines.set(rule, line)
  for (const { rule, source } of rules) lines.set(rule, source.line)
  return { lines, unclear: unsettled === true || problems.some(problem => problem.rule === undefined) }
}
