// Checks a folder of rules as the reactor would load it: files, rules, that each compiles, and the functions they call.
import { errorMessage } from '../base/errors.ts'
import { tagWarnings } from './check-tags.ts'
import { compileRule } from './rules/compile.ts'
import { loadRuleFolder } from './rules/load.ts'
import type { Known } from './rules/read-text.ts'

/** Problems are what keeps a rule from working; warnings are what only a minion can tell, and tags that nothing has. Throws `bad_rule`. */
export async function checkRules(path: string, known: Known = {}): Promise<Awaited<ReturnType<typeof loadRuleFolder>>> {
  const loaded = await loadRuleFolder(path, known)
  const problems = [...loaded.problems]
  for (const document of loaded.rules) {
    try {
      compileRule(document, known.facts ? { facts: known.facts } : {})
    } catch (error) {
      problems.push({
        file: document.source.file,
        line: document.source.line,
        column: 1,
        rule: document.rule,
        message: errorMessage(error),
      })
    }
  }
  return { ...loaded, problems, warnings: [...loaded.warnings, ...loaded.rules.flatMap(tagWarnings)] }
}
