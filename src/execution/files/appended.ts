// file.append and file.prepend: lines that a file has, wherever they stand in it; they are added where they are missing.
import { dirname } from 'node:path'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { textDiff } from './diff.ts'
import { linesOf, readEditable, writeEdited } from './edit.ts'
import { followLinks, isFolder, makeFolders, requireAbsolute } from './paths.ts'
import { asResult, failure } from './result.ts'
import { type SourceAsked, sourceText, type TemplateAsked } from './source.ts'

export interface AppendArgs extends Omit<SourceAsked, 'source'>, TemplateAsked {
  name: string
  /** Each a line, or several. */
  text?: string | number | (string | number)[] | null | undefined
  source?: SourceAsked['source'] | null | undefined
  makedirs: boolean
  ignore_whitespace: boolean
}

export interface PrependArgs extends AppendArgs {
  /** It must stand at the beginning, not anywhere. */
  header: boolean
}

export const append = (args: AppendArgs, context: StateContext): Promise<StateReturn> =>
  add(args, context, 'Appended', (text, chunks) => {
    const missing = missingIn(text, chunks, args.ignore_whitespace)
    if (missing.length === 0) return { text, lines: 0 }
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`
    return { text: before + missing.map(line => `${line}\n`).join(''), lines: missing.length }
  })

export const prepend = (args: PrependArgs, context: StateContext): Promise<StateReturn> =>
  add(args, context, 'Prepended', (text, chunks) => {
    const all = chunks.flat()
    const missing = !args.header
      ? missingIn(text, chunks, args.ignore_whitespace)
      : all.every((line, index) => linesOf(text)[index] === line)
        ? []
        : all
    return { text: missing.map(line => `${line}\n`).join('') + text, lines: missing.length }
  })

type Added = { text: string; lines: number }

function add(
  args: AppendArgs,
  context: StateContext,
  verb: string,
  edit: (text: string, chunks: string[][]) => Added,
): Promise<StateReturn> {
  const { name, makedirs } = args
  return asResult(`Unable to edit ${name}`, async () => {
    requireAbsolute(name)
    const chunks = await chunksOf(args, context)
    const folder = dirname(name)
    const file = await readEditable(name, 'Cannot add lines to a binary file')
    if (!file && !makedirs && !(await isFolder(folder))) throw failure(`Directory not present to touch file ${name}`)
    const before = file?.text ?? ''
    const { text, lines } = edit(before, chunks)
    if (lines === 0 && file) return unchanged(`File ${name} is in correct state`)
    const diff = textDiff(before, text, { show: true, pillar: context.pillar })
    const changes = diff === undefined ? { new: name } : { diff }
    if (context.test) return wouldChange(`File ${name} is set to be ${file ? 'updated' : 'created'}`, changes)
    if (makedirs) await makeFolders(folder)
    await writeEdited(file ?? { path: await followLinks(name) }, text)
    return changed(`${verb} ${lines} lines`, changes)
  })
}

/** The lines of each text that is asked for. */
async function chunksOf(args: AppendArgs, context: StateContext): Promise<string[][]> {
  const { text, source } = args
  if (source?.length) {
    if (text !== undefined && text !== null) throw failure("'text' cannot be used in combination with 'source'")
    return [linesOf(await sourceText({ ...args, source }, args.name, context))]
  }
  if (text === undefined || text === null) throw failure('No text found to append. Nothing appended')
  return [text].flat().map(part => linesOf(String(part)))
}

function missingIn(text: string, chunks: readonly string[][], ignoreWhitespace: boolean): string[] {
  const plain = (line: string) => (ignoreWhitespace ? line.trim().replace(/\s+/g, ' ') : line)
  const lines = linesOf(text).map(plain)
  return chunks.flatMap(chunk => {
    const wanted = chunk.map(plain)
    const there = lines.some((_line, from) => wanted.every((line, index) => lines[from + index] === line))
    // Two equal texts of one state are one.
    if (!there) lines.push(...wanted)
    return there || wanted.length === 0 ? [] : chunk
  })
}
