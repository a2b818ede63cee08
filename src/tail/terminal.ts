// The terminal that the tail is shown on: its width as it is now, and whether it wants colours.
import { wantsColour } from './colour.ts'
import type { OutputOptions } from './output.ts'

/** `colour` and `columns` for the program's own output; `asked: false` is `--no-color`. Without a terminal the width is `COLUMNS`, if that is set. */
export function terminalLook(asked?: boolean): Required<Pick<OutputOptions, 'colour' | 'columns'>> {
  const { stdout, env } = process
  return {
    colour: wantsColour(asked, stdout.isTTY === true, env),
    columns: () => {
      if (stdout.isTTY) return stdout.columns
      const columns = Number(env.COLUMNS)
      return Number.isInteger(columns) && columns > 0 ? columns : undefined
    },
  }
}
