// Jobs and their states as text: tables of them, the head of one.
import { cleanText } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { JobSummary, JobView } from '../../protocol/job-view.ts'
import type { MinionState } from '../../protocol/lifecycle.ts'
import { splitArgs } from '../../protocol/salt-args.ts'
import { countsText, stateWord } from '../../report/job.ts'
import { createPaint, type Paint, type Style } from '../../tail/colour.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { cutMiddle } from '../../tail/width.ts'
import { styledWidth } from '../out/cut-styled.ts'
import { TARGET_TYPES } from '../target-types.ts'

const STYLE: Record<MinionState, Style> = {
  offline: 'dim',
  accepted: 'auth',
  running: 'job',
  returned: 'good',
  failed: 'bad',
  died: 'bad',
  timed_out: 'bad',
}

export const paintState = (state: MinionState, paint: Paint, text = stateWord(state)): string =>
  paint(STYLE[state], text)

export const paintCounts = ({ counts, stored_in }: JobSummary, paint: Paint): string =>
  stored_in !== undefined
    ? paint('dim', `in ${cleanText(stored_in)}`)
    : countsText(counts, (state, text) => paintState(state, paint, text))

/** Lists and whole expressions stand as they are. */
const PREFIX = new Map<string, string>(
  TARGET_TYPES.flatMap(([letter, type]) => (type === 'list' || type === 'compound' ? [] : [[type, `${letter}@`]])),
)

/** The target as one would write it in a compound expression. */
function targetText({ kind, tgt, tgt_type, minions }: JobSummary): string {
  if (kind !== 'local') return minions.join(',')
  return cleanText((PREFIX.get(tgt_type) ?? '') + (Array.isArray(tgt) ? tgt.join(',') : tgt))
}

/** `test.ping`, `runner.jobs.active`. */
export const funText = ({ fun }: JobSummary): string => cleanText(fun)

interface TableLook {
  paint: Paint
  /** Columns of the terminal; undefined: nothing is cut. */
  columns: number | undefined
}

export function tableLook(): TableLook {
  const { colour, columns } = terminalLook()
  return { paint: createPaint(colour), columns: columns() }
}

/** Column heads and rows, each column as wide as its widest cell. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], { paint }: TableLook): string[] {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map(row => styledWidth(row[i]!))))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i < cells.length - 1 ? cell + ' '.repeat(widths[i]! - styledWidth(cell)) : cell))
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
    paintCounts(job, look.paint),
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
    paintCounts(job, look.paint),
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
    ['function', [funText(job), ...argTexts(job.arg)].join(' ')],
    ['target', `${targetText(job)}${job.kind === 'local' ? ` (${job.tgt_type})` : ''}`],
    ['user', cleanText(job.user)],
    ['cause', job.cause && cleanText(job.cause)],
    ['schedule', job.schedule && cleanText(job.schedule)],
    ['metadata', job.metadata && cleanText(JSON.stringify(job.metadata))],
    ['returners', returnersText(job)],
    ['started', `${clockTime(job.start, nowMs)} (${formatDuration(Math.max(0, nowMs - job.start))} ago)`],
    ['to start by', job.active ? clockTime(job.deadline, nowMs) : undefined],
    ['to end by', job.active ? clockTime(job.run_until, nowMs) : undefined],
    ['unknown', job.missing.length > 0 ? job.missing.map(cleanText).join(' ') : undefined],
    ['states', `${paintCounts(job, paint)}${job.active ? ' (active)' : ''}`],
  ]
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [`${paint('dim', name.padEnd(12))}${text}`]))
}

/** Undefined: its returns went to the job cache alone. */
const returnersText = ({ ret, ret_config, ret_kwargs }: JobSummary): string | undefined =>
  ret &&
  cleanText(
    [
      ret,
      ...(ret_config ? [`return_config=${ret_config}`] : []),
      ...(ret_kwargs ? [`return_kwargs=${Object.keys(ret_kwargs).join(',')}`] : []),
    ].join(' '),
  )

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

function argTexts(args: readonly unknown[]): string[] {
  const { arg, kwarg } = splitArgs(args)
  return [
    ...arg.map(wordText),
    ...Object.entries(kwarg).map(([name, value]) => `${cleanText(name)}=${wordText(value)}`),
  ]
}

/** As one would type it. */
function wordText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\w./:@%+,=*-]+$/.test(text) ? text : cleanText(`'${text.replaceAll("'", "'\\''")}'`)
}
