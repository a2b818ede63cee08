// file.replace: what a pattern finds in a file, replaced.
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { textDiff } from './diff.ts'
import { readEditable, writeEdited } from './edit.ts'
import { requireAbsolute } from './paths.ts'
import { flagsOf, pythonRegex, pythonReplacement } from './python-regex.ts'
import { asResult, failure } from './result.ts'

export interface ReplaceArgs {
  name: string
  pattern: string
  repl: string
  count: number
  flags: number | string | (string | number)[]
  append_if_not_found: boolean
  prepend_if_not_found: boolean
  not_found_content?: string | null | undefined
  /** What the name of the copy ends in; empty: none. */
  backup: string
  show_changes: boolean
  ignore_if_missing: boolean
  backslash_literal: boolean
}

export const replace = (args: ReplaceArgs, context: StateContext): Promise<StateReturn> =>
  asResult(`Unable to edit ${args.name}`, async () => {
    const { name, backup } = args
    requireAbsolute(name)
    if (args.append_if_not_found && args.prepend_if_not_found)
      throw failure('Only one of append and prepend_if_not_found is permitted')
    const file = await readEditable(name, 'Cannot perform string replacements on a binary file')
    if (!file) {
      if (args.ignore_if_missing) return unchanged('No changes needed to be made')
      throw failure(`${name}: file not found`)
    }
    const text = edited(file.text, args)
    const diff = textDiff(file.text, text, { show: args.show_changes, pillar: context.pillar })
    if (diff === undefined) return unchanged('No changes needed to be made')
    if (context.test) return wouldChange('Changes would have been made', { diff })
    await writeEdited(file, text, backup)
    return changed('Changes were made', { diff })
  })

function edited(text: string, args: ReplaceArgs): string {
  const { pattern, repl, count, append_if_not_found, prepend_if_not_found } = args
  const regex = pythonRegex(pattern, flagsOf(args.flags))
  const put = args.backslash_literal ? { groups: [], of: () => repl } : pythonReplacement(repl)
  const result = regex.replace(text, count, put)
  if (result.replaced > 0 || !(append_if_not_found || prepend_if_not_found)) return result.text
  const content = args.not_found_content ?? repl
  if (hasLines(text, content)) return text
  if (prepend_if_not_found) return `${content}\n${text}`
  return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${content}\n`
}

/** Whether an earlier run has put it there. */
const hasLines = (text: string, content: string): boolean => {
  const [inside, wanted] = [text, content].map(one => `\n${one.replaceAll('\r\n', '\n')}\n`)
  return inside!.includes(wanted!)
}
