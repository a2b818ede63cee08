// Where in a text something is wrong, as Salt shows it: the line's number, and the lines around it with that one marked.
import { ReactorError } from '../base/errors.ts'

/** A text that is read as a whole, and the name that it goes by in errors, such as `web/init.sls`. */
export interface SourceFile {
  path: string
  text: string
}

const AROUND = 5
const MARK = '    <======================'

/** The number of the line, from 1, at an offset. */
export function lineAt(text: string, at: number): number {
  let line = 1
  for (let next = text.indexOf('\n'); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) line++
  return line
}

function excerpt(text: string, line: number): string {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const from = Math.max(0, line - AROUND - 1)
  const shown = lines.slice(from, line + AROUND).map((one, i) => (from + i === line - 1 ? one + MARK : one))
  if (from > 0) shown.unshift('[...]')
  if (line + AROUND < lines.length) shown.push('[...]')
  return ['---', ...shown, '---'].join('\n')
}

/** `details`: the file, the line, and the problem without the excerpt, for where a text must not be shown. */
export function faultyLine(what: string, { path, text }: SourceFile, line: number, cause?: ReactorError): ReactorError {
  const problem = `${what.replace(/\.$/, '')}; line ${line}${path === '' ? '' : ` of ${path}`}`
  const details = { ...cause?.details, problem, file: path, line }
  return new ReactorError(cause?.code ?? 'template', `${problem}\n\n${excerpt(text, line)}`, details, cause)
}
