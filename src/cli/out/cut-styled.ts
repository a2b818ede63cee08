// Lines that hold colours, which take no room: how wide they are, and cutting them, where the colours end too.
import { cut, displayWidth } from '../../tail/width.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const COLOUR = /(\u001b\[[\d;]*m)/g

/** Columns of what is seen of it. */
export const styledWidth = (line: string): number => displayWidth(line.replace(COLOUR, ''))

/** The line if what is seen of it fits, else its beginning with `…`. */
export function cutStyled(line: string, columns: number): string {
  if (!line.includes('\u001b')) return cut(line, columns)
  let left = columns
  let out = ''
  for (const [i, part] of line.split(COLOUR).entries()) {
    // Every other part is a colour.
    if (i % 2 === 1) {
      out += part
      continue
    }
    const width = displayWidth(part)
    if (width > left) return `${out}${cut(part, left)}\u001b[0m`
    out += part
    left -= width
  }
  return out
}
