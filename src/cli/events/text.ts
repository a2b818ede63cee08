// One event as text: all of it, between its causes and what it caused.
import { cleanText, prettyJson } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { parseStamp } from '../../protocol/event.ts'
import type { tableLook } from '../jobs/table.ts'
import { eventLines } from './list.ts'
import type { Traced } from './trace.ts'

/** `events show`. */
export function eventText(traced: Traced, now: number, look: ReturnType<typeof tableLook>): string[] {
  const { event, causes, unfound, caused, more } = traced
  const { paint } = look
  const rows: [string, string | undefined][] = [
    ['tag', cleanText(event.tag)],
    ['origin', cleanText(event.origin) + (event.believed ? '' : ' (not believed: the tag is not its own to say)')],
    ['stamp', `${cleanText(event.stamp)} UTC (${ago(event.stamp, now)})`],
    ['number', String(event.seq)],
    ['id', cleanText(event.id)],
    ['cause', event.cause && cleanText(event.cause)],
    ['rules', event.chain && cleanText(event.chain).replaceAll(',', ' → ')],
  ]
  const head = rows.flatMap(([name, text]) => (text ? [`${paint('dim', name.padEnd(8))}${text}`] : []))
  const first = unfound === undefined ? [] : [`  ${cleanText(unfound)} ${paint('dim', NOT_FOUND)}`]
  const section = (name: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', paint('dim', name), ...lines]
  const lines = (events: typeof causes) => (events.length === 0 ? [] : eventLines(events, now, look, false))
  return [
    ...head,
    ...prettyJson(event.data).map(line => `    ${line}`),
    ...section('caused by', [...first, ...lines(causes)]),
    ...section('caused', [...lines(caused), ...(more && caused.length > 0 ? [paint('dim', '  and maybe more')] : [])]),
  ]
}

const NOT_FOUND = '(not among the stored events before it; of a job: reactor jobs show)'

const ago = (stamp: string, now: number): string => {
  const ms = now - parseStamp(stamp)
  return ms < 0 ? `${formatDuration(-ms)} ahead` : `${formatDuration(Math.round(ms))} ago`
}
