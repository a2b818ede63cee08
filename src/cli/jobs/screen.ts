// Lines that are drawn again in their place on a terminal.
import { cutStyled } from '../out/cut-styled.ts'

interface Screen {
  draw(lines: readonly string[]): void
}

/** A terminal without a size says 0. */
interface ScreenTerminal {
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** What does not fit the terminal's height is counted in the last line. */
export function createScreen(terminal: ScreenTerminal): Screen {
  let drawn = 0
  return {
    draw(lines) {
      const [columns, rows] = [terminal.columns || 80, terminal.rows || 24]
      const room = Math.max(1, rows - 1)
      const shown =
        lines.length <= room ? lines : [...lines.slice(0, room - 1), `… and ${lines.length - room + 1} more lines`]
      const up = drawn > 0 ? `\u001b[${drawn}A\r` : ''
      terminal.write(`${up}\u001b[J${shown.map(line => `${cutStyled(line, columns - 1)}\n`).join('')}`)
      drawn = shown.length
    },
  }
}
