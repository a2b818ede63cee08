// Values as Salt's nested outputter shows them.
import { cleanText } from '../../base/clean.ts'
import { isObject } from '../../base/json.ts'

export interface NestedStyle {
  colour: boolean
  /** The return of a job that failed: names and rules in red, as in Salt. */
  failed?: boolean
}

const GREEN = '32'
const YELLOW = '1;33'
const CYAN = '36'
const RED = '31'

/** Lines of a value. As in Salt an empty text and an empty list have none, and an empty map only its rule. */
export function nested(value: unknown, style: NestedStyle): string[] {
  const lines: string[] = []
  show(value, 0, '', style, lines)
  return lines
}

function show(value: unknown, indent: number, prefix: string, style: NestedStyle, lines: string[]): void {
  const line = (code: string, text: string) =>
    lines.push(' '.repeat(indent) + (style.colour ? `\u001b[${code}m${text}\u001b[0m` : text))
  if (Array.isArray(value)) {
    for (const item of value) {
      if (Array.isArray(item) || isObject(item)) {
        line(style.failed ? RED : GREEN, '|_')
        show(item, indent + 2, '', style, lines)
      } else show(item, indent, '- ', style, lines)
    }
  } else if (isObject(value)) {
    const code = style.failed ? RED : CYAN
    if (indent > 0) line(code, '----------')
    for (const key of Object.keys(value).sort()) {
      line(code, `${printable(key)}:`)
      show(value[key], indent + 4, '', style, lines)
    }
  } else if (typeof value === 'string') {
    const texts = linesOf(value)
    for (const [i, text] of texts.entries())
      line(GREEN, (i === 0 ? prefix : ' '.repeat(prefix.length)) + printable(text))
  } else line(YELLOW, prefix + constant(value))
}

/** As Python's splitlines: the line end at the end opens no further line. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function constant(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null || value === undefined ? 'None' : String(value)
}

/** A line without what would steer the terminal; tabs stay. */
export const printable = (line: string): string => line.split('\t').map(cleanText).join('\t')
