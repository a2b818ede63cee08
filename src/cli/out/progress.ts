// The line on a terminal that says how far a job is: redrawn in place, and out of the way of other output.
import type { MinionState } from '../../protocol/lifecycle.ts'
import { cut } from '../../tail/width.ts'

interface ProgressTerminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Progress {
  /** Draws what `text` gives, at most ten times a second. */
  changed(): void
  /** Takes the line away until the next change. */
  clear(): void
  stop(): void
}

const CLEAR = '\r\u001b[K'
const REDRAW_MS = 100
const TICK_MS = 1000

/** `text` is asked for when the line is drawn; undefined: there is nothing to show. */
export function createProgress(terminal: ProgressTerminal, text: () => string | undefined): Progress {
  if (!terminal.isTTY) return { changed: () => undefined, clear: () => undefined, stop: () => undefined }
  let shown = false
  let drawnMs = 0
  let soon: NodeJS.Timeout | undefined
  const draw = () => {
    soon = undefined
    drawnMs = Date.now()
    const line = text()
    if (line === undefined) return
    terminal.write(CLEAR + cut(line, (terminal.columns || 80) - 1))
    shown = true
  }
  const changed = () => {
    soon ??= setTimeout(draw, Math.max(0, drawnMs + REDRAW_MS - Date.now())).unref()
  }
  const tick = setInterval(changed, TICK_MS).unref()
  const clear = () => {
    if (shown) terminal.write(CLEAR)
    shown = false
  }
  return {
    changed,
    clear,
    stop() {
      clearInterval(tick)
      clearTimeout(soon)
      clear()
    },
  }
}

/** Fewer minions than this are soon told of one by one. */
export const PROGRESS_FROM = 6

/** `12 of 200 returned (1 failed), 180 running, 5 waiting, 3 silent, 4s` */
export function progressText(counts: Partial<Record<MinionState, number>>, elapsedMs: number): string {
  const of = (...states: MinionState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const failed = of('failed', 'died', 'timed_out')
  const parts = [
    `${of('returned') + failed} of ${all} returned${failed > 0 ? ` (${failed} failed)` : ''}`,
    ...[
      [of('running'), 'running'],
      [of('accepted'), 'waiting'],
      [of('offline'), 'silent'],
    ].flatMap(([count, word]) => (count ? [`${count} ${word}`] : [])),
    `${Math.round(elapsedMs / 1000)}s`,
  ]
  return parts.join(', ')
}
