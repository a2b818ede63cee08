// file.blockreplace: the lines between two markers of a file.
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { textDiff } from './diff.ts'
import { linesOf, readEditable, writeEdited } from './edit.ts'
import { requireAbsolute } from './paths.ts'
import { pythonRegex } from './python-regex.ts'
import { asResult, failure } from './result.ts'
import { type SourceAsked, sourceText, type TemplateAsked } from './source.ts'

export interface BlockArgs extends Omit<SourceAsked, 'source'>, TemplateAsked {
  name: string
  /** Part of the line that begins the block. */
  marker_start: string
  marker_end: string
  content: string
  source?: SourceAsked['source'] | null | undefined
  append_if_not_found: boolean
  prepend_if_not_found: boolean
  insert_before_match?: string | null | undefined
  insert_after_match?: string | null | undefined
  /** What the name of the copy ends in; empty: none. */
  backup: string
  show_changes: boolean
}

export const blockreplace = (args: BlockArgs, context: StateContext): Promise<StateReturn> =>
  asResult('Encountered error managing block', async () => {
    const { name, source } = args
    requireAbsolute(name)
    checkArguments(args)
    const file = await readEditable(name, 'Cannot edit a binary file')
    if (!file) throw failure(`${name}: file not found`)
    const more = source?.length ? await sourceText({ ...args, source }, name, context) : ''
    const content = linesOf(args.content + more)
    if (content.some(line => line.includes(args.marker_end)))
      throw failure(
        `The content has marker_end in it (${args.marker_end}): the next run would take that line for the end of the block`,
      )
    const text = edited(file.text, args, content)
    const diff = textDiff(file.text, text, { show: args.show_changes, pillar: context.pillar })
    if (diff === undefined) return unchanged('No changes needed to be made')
    if (context.test) return wouldChange('Changes would be made', { diff })
    await writeEdited(file, text, args.backup)
    return changed('Changes were made', { diff })
  })

function checkArguments(args: BlockArgs): void {
  const ways = [
    args.append_if_not_found,
    args.prepend_if_not_found,
    args.insert_before_match,
    args.insert_after_match,
  ].filter(Boolean)
  if (ways.length > 1)
    throw failure(
      'Only one of append_if_not_found, prepend_if_not_found, insert_before_match, and insert_after_match is permitted',
    )
}

/** Lines keep their own ends; those of the block have the end that the file's first line has. */
function edited(text: string, args: BlockArgs, content: readonly string[]): string {
  const { marker_start, marker_end } = args
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const end = lines[0]?.endsWith('\r\n') ? '\r\n' : '\n'
  const inside = content.map(line => line + end)
  const out: string[] = []
  let [found, open] = [false, false]
  for (const line of lines) {
    if (!open) {
      out.push(line)
      open = line.includes(marker_start)
    } else if (line.includes(marker_end)) {
      out.push(...inside, line)
      found = true
      open = false
    }
  }
  if (open) throw failure('Unterminated marked block. End of file reached before marker_end.')
  if (found) return out.join('')
  const block = [marker_start + end, ...inside, marker_end + end]
  const at = placeOf(lines, args)
  if (at === undefined) throw failure('Cannot edit marked block. Markers were not found in file.')
  const before = lines.slice(0, at).join('')
  const joint = before !== '' && !before.endsWith('\n') ? end : ''
  return before + joint + block.join('') + lines.slice(at).join('')
}

/** Before which line a block goes that is not there. */
function placeOf(lines: readonly string[], args: BlockArgs): number | undefined {
  if (args.append_if_not_found) return lines.length
  if (args.prepend_if_not_found) return 0
  const pattern = args.insert_before_match || args.insert_after_match
  if (!pattern) return undefined
  const regex = pythonRegex(pattern, 0)
  const at = lines.findIndex(line => regex.test(line.replace(/\r?\n$/, '')))
  if (at < 0) return undefined
  return args.insert_before_match ? at : at + 1
}
