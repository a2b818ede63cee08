// Jobs and their states as text: tables of them, the head of one.
import { cleanText } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { JobSummary, JobView } from '../../protocol/job-view.ts'
import { MINION_STATES, type MinionState } from '../../protocol/lifecycle.ts'
import type { Paint, Style } from '../../tail/colour.ts'
import { cutMiddle, displayWidth } from '../../tail/width.ts'

const STYLE: Record<MinionState, Style> = {
  offline: 'dim',
  accepted: 'auth',
  running: 'job',
  returned: 'good',
  failed: 'bad',
  died: 'bad',
  timed_out: 'bad',
}

export const stateWord = (state: MinionState): string => state.replace('_', ' ')
export const paintState = (state: MinionState, paint: Paint, text = stateWord(state)): string =>
  paint(STYLE[state], text)

/** `3 returned, 1 offline`, in the order of a job's life. */
export const countsText = (counts: Partial<Record<MinionState, number>>, paint: Paint): string =>
  MINION_STATES.flatMap(state =>
    counts[state] ? [paintState(state, paint, `${counts[state]} ${stateWord(state)}`)] : [],
  ).join(', ')

const LETTER: Record<string, string> = {
  pcre: 'E@',
  grain: 'G@',
  grain_pcre: 'P@',
  pillar: 'I@',
  pillar_pcre: 'J@',
  ipcidr: 'S@',
  nodegroup: 'N@',
}

/** The target as one would write it in a compound expression. */
export function targetText({ kind, tgt, tgt_type, minions }: JobSummary): string {
  if (kind !== 'local') return minions.join(',')
  return cleanText((LETTER[tgt_type] ?? '') + (Array.isArray(tgt) ? tgt.join(',') : tgt))
}

/** `test.ping`, `runner.jobs.active`. */
export const funText = ({ fun }: JobSummary): string => cleanText(fun)

export interface TableLook {
  paint: Paint
  /** Columns of the terminal; undefined: nothing is cut. */
  columns: number | undefined
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences, and take no room
const COLOURS = /\u001b\[[\d;]*m/g
const widthOf = (cell: string): number => displayWidth(cell.replace(COLOURS, ''))

/** Column heads and rows, each column as wide as its widest cell. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], { paint }: TableLook): string[] {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map(row => widthOf(row[i]!))))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i < cells.length - 1 ? cell + ' '.repeat(widths[i]! - widthOf(cell)) : cell))
      .join('  ')
      .trimEnd()
  return [paint('dim', line(heads)), ...rows.map(line)]
}

const JID_AND_AGE = 50

/** `jobs list`. */
export function jobsTable(jobs: readonly JobSummary[], nowMs: number, look: TableLook): string[] {
  // What is left for function and target on a terminal, beside jid, age, user and states.
  const room = look.columns === undefined ? undefined : Math.max(12, Math.floor((look.columns - JID_AND_AGE) / 2))
  const shorten = (text: string) => (room === undefined ? text : cutMiddle(text, room))
  const rows = jobs.map(job => [
    job.jid,
    formatDuration(Math.max(0, nowMs - job.start)),
    shorten(funText(job)),
    shorten(targetText(job)),
    cleanText(job.user),
    countsText(job.counts, look.paint),
  ])
  return table(['JID', 'AGE', 'FUNCTION', 'TARGET', 'USER', 'STATES'], rows, look)
}

/** `jobs active`: with who is still at it. */
export function activeTable(
  jobs: readonly { job: JobSummary; open: readonly string[] }[],
  nowMs: number,
  look: TableLook,
): string[] {
  const rows = jobs.map(({ job, open }) => [
    job.jid,
    formatDuration(Math.max(0, nowMs - job.start)),
    funText(job),
    targetText(job),
    cleanText(job.user),
    countsText(job.counts, look.paint),
    named(open),
  ])
  return table(['JID', 'ELAPSED', 'FUNCTION', 'TARGET', 'USER', 'STATES', 'OPEN ON'], rows, look)
}

const NAMED = 5

const named = (ids: readonly string[]): string =>
  ids.slice(0, NAMED).map(cleanText).join(' ') + (ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '')

/** The head of `jobs show`: what the job is. */
export function jobHead(job: JobSummary, nowMs: number, { paint }: TableLook): string[] {
  const rows: [string, string | undefined][] = [
    ['jid', job.jid],
    ['function', [funText(job), ...job.arg.map(argText)].join(' ')],
    ['target', `${targetText(job)}${job.kind === 'local' ? ` (${job.tgt_type})` : ''}`],
    ['user', cleanText(job.user)],
    ['cause', job.cause && cleanText(job.cause)],
    ['metadata', job.metadata && cleanText(JSON.stringify(job.metadata))],
    ['started', `${clockTime(job.start, nowMs)} (${formatDuration(Math.max(0, nowMs - job.start))} ago)`],
    ['to start by', job.active ? clockTime(job.deadline, nowMs) : undefined],
    ['to end by', job.active ? clockTime(job.run_until, nowMs) : undefined],
    ['unknown', job.missing.length > 0 ? job.missing.map(cleanText).join(' ') : undefined],
    ['states', `${countsText(job.counts, paint)}${job.active ? ' (active)' : ''}`],
  ]
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [`${paint('dim', name.padEnd(12))}${text}`]))
}

/** The states of a job's minions, one line each. */
export function minionsTable(view: JobView, nowMs: number, look: TableLook): string[] {
  const rows = view.minions.map(id => {
    const returned = view.returns[id]
    const state = view.states[id] ?? 'offline'
    const more = view.reasons[id] ?? (returned && returned.retcode !== 0 ? `retcode ${returned.retcode}` : '')
    return [
      cleanText(id),
      paintState(state, look.paint),
      returned ? clockTime(returned.at, nowMs) : '',
      cleanText(more),
    ]
  })
  return table(['MINION', 'STATE', 'RETURNED', ''], rows, look)
}

function argText(arg: unknown): string {
  if (typeof arg === 'object' && arg !== null && '__kwarg__' in arg) {
    const { __kwarg__: _mark, ...named } = arg
    return Object.entries(named)
      .map(([name, value]) => `${cleanText(name)}=${wordText(value)}`)
      .join(' ')
  }
  return wordText(arg)
}

/** As one would type it. */
function wordText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\w./:@%+,=*-]+$/.test(text) ? text : cleanText(`'${text.replaceAll("'", "'\\''")}'`)
}
