// Rule files to rule documents: one file's text, or a folder of files, read without holding the event loop for long.
import { setImmediate } from 'node:timers/promises'
import { type FileRules, settleNames } from './names.ts'
import type { RuleProblem } from './problem.ts'
import { findRuleFiles, readRuleFile } from './read-file.ts'
import { type ActionCheck, type Known, type LoadedRules, readText } from './read-text.ts'
import type { RuleDocument } from './schema.ts'

export interface LoadOptions extends Known {
  /** Rules in force, `source.file` as a path that resolves; a name they have is theirs. */
  inForce?: readonly RuleDocument[]
  /** Files that changed within the last so many milliseconds are left out and named in `unsettled`. */
  settleMs?: number
}

/** How long the event loop is held at a time, milliseconds. */
const SLICE_MS = 20

/** Reads the rules of one file's text; a document with a problem gives no rule. Never throws. */
export function loadRuleText(
  file: string,
  text: string,
  checkAction?: ActionCheck,
  facts?: ReadonlySet<string>,
): LoadedRules {
  const work = readText(file, text, { ...(checkAction && { checkAction }), ...(facts && { facts }) })
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

/**
 * Reads `path`: one file, or a folder whose `*.yaml` and `*.yml` are read in sorted order, subfolders included, names
 * with a leading dot left out. The event loop goes on between documents. Throws `bad_rule` when it cannot be read.
 */
export async function loadRuleFolder(
  path: string,
  { inForce = [], settleMs = 0, ...known }: LoadOptions = {},
): Promise<LoadedRules & { files: string[]; unsettled: string[] }> {
  const { files, unreadable } = await findRuleFiles(path)
  const loads: FileRules[] = []
  const warnings: RuleProblem[] = []
  let held = performance.now()
  for (const file of files) {
    const found = await readRuleFile(file, settleMs)
    if ('unsettled' in found) loads.push({ file, rules: [], problems: [], unsettled: true })
    else if ('problem' in found)
      loads.push({ file, rules: [], problems: [{ file, line: 1, column: 1, message: found.problem }] })
    else {
      const work = readText(file, found.text, known)
      for (let step = work.next(); ; step = work.next()) {
        if (performance.now() - held > SLICE_MS) {
          await setImmediate()
          held = performance.now()
        }
        if (!step.done) continue
        loads.push({ file, ...step.value })
        warnings.push(...step.value.warnings)
        break
      }
    }
  }
  const { rules, problems } = settleNames(loads, inForce)
  return {
    files,
    rules,
    problems: [
      ...unreadable.map(one => ({ ...one, line: 1, column: 1 })),
      ...loads.flatMap(load => load.problems),
      ...problems,
    ],
    warnings,
    unsettled: loads.filter(load => load.unsettled).map(load => load.file),
  }
}
