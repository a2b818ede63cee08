// `reactor events list`: the newest events that fit, and how many older ones do.
import { cleanJson } from '../../base/clean.ts'
import type { SeenEvent } from '../../cache/history.ts'
import type { AskHistory } from '../../tail/history.ts'
import { dataLines, eventLine } from '../../tail/line.ts'
import { type Range, RUN, storedEventsBackwards } from '../../tail/stored.ts'
import type { tableLook } from '../jobs/table.ts'

export interface Found {
  /** The newest last. */
  events: SeenEvent[]
  /** Older ones that fit. */
  left_out: number
  /** There may be more of them: not all of the store was looked at. */
  more: boolean
}

/** Stored events that are looked at for the count alone. */
const COUNTED = 20_000

/** At most `limit` of them. Throws what history answers. */
export async function newestEvents(
  ask: AskHistory,
  range: Range,
  fits: (event: SeenEvent) => boolean,
  limit: number,
): Promise<Found> {
  const runs: SeenEvent[][] = []
  let room = limit
  let leftOut = 0
  let counted = 0
  const found = (more: boolean): Found => ({ events: runs.reverse().flat(), left_out: leftOut, more })
  for await (const run of storedEventsBackwards(ask, range)) {
    if (counted >= COUNTED) return found(true)
    if (room === 0) counted += RUN
    const fitting = run.filter(fits)
    const taken = fitting.slice(Math.max(0, fitting.length - room))
    runs.push(taken)
    room -= taken.length
    leftOut += fitting.length - taken.length
  }
  return found(false)
}

const NO_TERMINAL_COLUMNS = 200

/** A line each, as `reactor tail` has it, behind its number; with its data below it where `data` is set. */
export function eventLines(
  events: readonly SeenEvent[],
  now: number,
  { paint, columns = NO_TERMINAL_COLUMNS }: ReturnType<typeof tableLook>,
  data: boolean,
): string[] {
  const width = Math.max(...events.map(({ seq }) => String(seq).length))
  const style = { paint, columns: Math.max(20, columns - width - 1), now }
  return events.flatMap(event => [
    `${paint('dim', String(event.seq).padStart(width))} ${eventLine(event, true, style)}`,
    ...(data ? dataLines(event.data, paint) : []),
  ])
}

export const eventJson = ({ seq, tag, data, origin, stamp, id, believed, cause, hops, chain }: SeenEvent): string =>
  cleanJson({ seq, tag, data, origin, stamp, id, believed, cause, hops, chain })
