// One line an event: time, tag, origin, age, digest; below it, where asked for, its data.

import { cleanText, prettyJson } from '../base/clean.ts'
import { formatDuration } from '../base/duration.ts'
import type { SeenEvent } from '../cache/history.ts'
import { parseStamp } from '../protocol/event.ts'
import { isFailure, kindOf, type Paint } from './colour.ts'
import { digest } from './digest.ts'
import { cut, cutMiddle, displayWidth, padTo } from './width.ts'

export interface LineStyle {
  paint: Paint
  /** Width of the terminal; lines never take more. */
  columns: number
  /** Milliseconds since the epoch. */
  now: number
}

/** From this width on there is room for milliseconds and for columns that line up. */
const WIDE = 100
const NEWER_MS = 1000

/** The line of an event, without its end; `past` where it comes from history, so that its age is always told. */
export function eventLine(
  event: Pick<SeenEvent, 'tag' | 'data' | 'origin' | 'stamp' | 'believed'>,
  past: boolean,
  style: LineStyle,
): string {
  const { paint, columns } = style
  const wide = columns >= WIDE
  const time = formatTime(parseStamp(event.stamp), style.now, wide)
  const origin = cutMiddle(cleanText(event.origin), Math.max(8, Math.floor(columns * 0.2)))
  const tagRoom = columns - displayWidth(time) - displayWidth(origin) - 2
  const tag = cutMiddle(cleanText(event.tag) || "''", Math.min(tagRoom, Math.max(12, Math.floor(columns * 0.55))))
  const marks = [formatAge(event.stamp, style.now, past), event.believed ? '' : 'not believed'].filter(Boolean)
  const cells = [wide ? padTo(tag, 38) : tag, wide ? padTo(origin, 10) : origin]
  const mark = marks.length > 0 ? `${marks.join(', ')} ` : ''
  const room =
    columns - displayWidth(time) - cells.reduce((sum, cell) => sum + displayWidth(cell) + 1, 0) - 1 - mark.length
  const text = room >= 4 ? digest(event.tag, event.data, room, event.origin) : ''
  if (!event.believed) return paint('dim', cut(`${time} ${cells[0]} ${cells[1]} ${mark}${text}`.trimEnd(), columns))
  const failed = isFailure(event.tag, event.data)
  const shown = room >= 0 ? mark : ''
  return `${paint('dim', time)} ${paint(failed ? 'failed' : kindOf(event.tag), cells[0]!)} ${paint('dim', `${cells[1]} ${shown}`.trimEnd())}${text ? ` ${failed ? paint('failed', text) : text}` : ''}`
}

/** The line of what is in the stream and is no event. */
export function malformedLine(problem: string, storedMs: number, style: LineStyle): string {
  const time = formatTime(storedMs, style.now, style.columns >= WIDE)
  return `${style.paint('dim', time)} ${style.paint('failed', cut(`malformed: ${cleanText(problem)}`, style.columns - displayWidth(time) - 1))}`
}

/** The data as JSON, one line each, indented below the event. */
export function dataLines(data: Record<string, unknown>, paint: Paint): string[] {
  return prettyJson(data).map(line => paint('dim', `    ${line}`))
}

/** Local time of day; with the date where it is not today's. */
export function formatTime(ms: number, now: number, millis: boolean): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  const day =
    at.toDateString() === new Date(now).toDateString() ? '' : `${two(at.getMonth() + 1)}-${two(at.getDate())} `
  return `${day}${time}${millis ? `.${String(at.getMilliseconds()).padStart(3, '0')}` : ''}`
}

/** `5m ago` where the event is older than a second or comes from history; a sender's clock that is ahead is told too. */
function formatAge(stamp: string, now: number, past: boolean): string {
  const age = now - parseStamp(stamp)
  if (age < -NEWER_MS) return `clock ${formatDuration(-age)} ahead`
  return past || age > NEWER_MS ? `${formatDuration(Math.max(0, age))} ago` : ''
}
