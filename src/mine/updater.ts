// Keeps a minion's entries of the mine fresh: `mine.update` as it starts, and again at every interval.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'

/** Runs a function on this minion, and ends it where the signal aborts. Rejects where it fails. */
export type RunFunction = (
  fun: string,
  arg: unknown[],
  kwarg: Record<string, unknown>,
  signal: AbortSignal,
) => Promise<unknown>

export interface MineUpdates {
  /** The minion's `mine_functions`; without any there is nothing to do. */
  functions: Readonly<Record<string, unknown>>
  /** Milliseconds between two updates, a second at least. */
  intervalMs: number
  run: RunFunction
  clock: Clock
  log: Log
}

/** The first wait after a failure, which doubles with each: the mine may start later than the minion. */
const FIRST_WAIT_MS = 10_000
/** An interval of nothing would keep the minion busy with its mine alone. */
const LEAST_INTERVAL_MS = 1000

/** `stop` ends an update that runs, and waits for its end. */
export function startMineUpdates({ functions, run, clock, log, ...updates }: MineUpdates): Running {
  const intervalMs = Math.max(LEAST_INTERVAL_MS, updates.intervalMs)
  const stopping = new AbortController()
  const { signal } = stopping
  const keepFresh = async () => {
    for (let failures = 0; !signal.aborted; ) {
      let waitMs = intervalMs
      try {
        await run('mine.update', [], {}, signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        waitMs = Math.min(intervalMs, FIRST_WAIT_MS * 2 ** failures++)
        log.warn({ error: errorMessage(error), again_in_ms: waitMs }, 'the mine could not be updated')
      }
      // Cut short by the stop, which the loop sees.
      await clock.sleep(waitMs, signal).catch(() => undefined)
    }
  }
  const updating = Object.keys(functions).length > 0 ? keepFresh() : Promise.resolve()
  return {
    async stop() {
      stopping.abort()
      await updating
    },
  }
}
