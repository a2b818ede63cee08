// The master's schedule as text: its entries, one of them, and what comes next.
import { cleanText } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { Coming, EntryView, ScheduleView } from '../../protocol/schedule.ts'
import { cutMiddle } from '../../tail/width.ts'
import { table, type tableLook } from '../jobs/table.ts'
import { whatText, whenText } from './words.ts'

type Look = ReturnType<typeof tableLook>

const WIDEST = 44

/** `in 5m`, `2h ago`. */
export const distance = (ms: number, nowMs: number): string =>
  ms >= nowMs ? `in ${formatDuration(ms - nowMs)}` : `${formatDuration(nowMs - ms)} ago`
const timeText = (ms: number, nowMs: number): string => `${clockTime(ms, nowMs)} (${distance(ms, nowMs)})`

export function entriesTable({ enabled, entries, refused }: ScheduleView, nowMs: number, look: Look): string[] {
  const { paint } = look
  const short = (text: string) => (look.columns === undefined ? text : cutMiddle(text, WIDEST))
  const rows = entries.map(view => [
    cleanText(view.name),
    stateText(view, enabled, look),
    short(whatText(view.item)),
    short(whenText(view.item)),
    nextText(view, enabled, nowMs),
    view.ran ? distance(view.ran.at, nowMs) : '',
    skippedText(view, nowMs),
  ])
  const wrong = refused.map(
    ({ name, problem }) => `${cleanText(name)} is ${paint('bad', 'refused')}: ${cleanText(problem)}`,
  )
  const heads = ['NAME', 'STATE', 'FUNCTION', 'WHEN', 'NEXT', 'LAST RUN', 'LAST SKIPPED']
  return [...(rows.length > 0 ? table(heads, rows, look) : []), ...wrong]
}

function nextText({ next, over, enabled }: EntryView, all: boolean, nowMs: number): string {
  if (over) return 'over'
  return next === undefined || !enabled || !all ? '' : timeText(next, nowMs)
}

function stateText({ enabled, running }: EntryView, all: boolean, { paint }: Look): string {
  if (!enabled || !all) return paint('dim', 'disabled')
  return running.length > 0 ? paint('job', `${running.length} running`) : paint('good', 'enabled')
}

function skippedText({ skipped }: EntryView, nowMs: number): string {
  if (!skipped) return ''
  const { reason, count, to } = skipped
  return `${cleanText(reason)}${count > 1 ? ` x${count}` : ''} ${distance(to, nowMs)}`
}

/** One entry: what is known of it, a line each. */
export function entryLines(view: EntryView, allEnabled: boolean, nowMs: number, look: Look): string[] {
  const { name, source, item, zone, next, over, ran, running, skipped } = view
  const { name: _name, enabled: _enabled, ...options } = item
  const rows: [string, string | undefined][] = [
    ['name', cleanText(name)],
    ['state', `${stateText(view, allEnabled, look)}${allEnabled ? '' : ' (the whole schedule is)'}`],
    ['from', source === 'added' ? 'a call' : cleanText(source)],
    ['function', whatText(item)],
    ['when', `${whenText(item)}`],
    ['zone', cleanText(zone)],
    ['next', over ? 'never again' : next === undefined ? undefined : timeText(next, nowMs)],
    ['last run', ran && `${timeText(ran.at, nowMs)}, of its time ${clockTime(ran.slot, nowMs)}`],
    ['running', running.length > 0 ? running.map(slot => clockTime(slot, nowMs)).join(' ') : undefined],
    [
      'skipped',
      skipped &&
        `${cleanText(skipped.reason)}: ${skipped.count} from ${clockTime(skipped.from, nowMs)} to ${clockTime(skipped.to, nowMs)}${skipped.over ? '' : ', and on'}`,
    ],
    ['options', cleanText(JSON.stringify(options))],
  ]
  return rows.flatMap(([head, text]) => (text === undefined ? [] : [`${look.paint('dim', head.padEnd(10))}${text}`]))
}

export function comingTable(coming: readonly Coming[], nowMs: number, look: Look): string[] {
  const rows = coming.map(one => [
    clockTime(one.at, nowMs),
    distance(one.at, nowMs),
    cleanText(one.name),
    whatText(one),
    one.skipped === undefined ? '' : look.paint('dim', `will be skipped: ${cleanText(one.skipped)}`),
  ])
  return table(['TIME', 'IN', 'NAME', 'FUNCTION', ''], rows, look)
}
