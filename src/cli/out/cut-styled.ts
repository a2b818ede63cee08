// Cutting a line that holds colours: they take no room, and end where the line ends.
import { cut, displayWidth } from '../../tail/width.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const COLOUR = /(\u001b\[[\d;]*m)/

/** The line if what is seen of it fits, else its beginning with `…`. */
export function cutStyled(line: string, columns: number): string {
  if (!line.includes('\u001b')) return cut(line, columns)
  let left = columns
  let out = ''
  for (const part of line.split(COLOUR)) {
    if (COLOUR.test(part)) {
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
