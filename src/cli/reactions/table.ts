// Reactions and their states as text: a table of them, one with all that is known of it, counts of rules.
import { cleanText, prettyJson } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import { DECISION_STATES } from '../../protocol/reaction.ts'
import type { ReactionDetail, ReactionState, ReactionView, RuleCounts } from '../../protocol/reaction-view.ts'
import type { Paint, Style } from '../../tail/colour.ts'
import { actionText } from '../../tail/decision.ts'
import { cut, cutMiddle } from '../../tail/width.ts'
import { table, type tableLook } from '../jobs/table.ts'

type Look = ReturnType<typeof tableLook>

const STYLE: Record<ReactionState, Style> = {
  waiting: 'job',
  retrying: 'auth',
  parked: 'bad',
  held: 'auth',
  done: 'good',
  dropped: 'dim',
  suppressed: 'dim',
}

const stateText = (state: ReactionState, paint: Paint): string => paint(STYLE[state], state)

/** Why it is so, and when it goes on, in a few words. */
function whyText({ state, reason, detail, next, by }: ReactionView, nowMs: number): string {
  // Of a loop it is its cycle, of shadow what would have been done: as `reactor tail` writes them.
  const what = detail && cleanText(reason === 'loop' ? detail.replaceAll(', ', ' → ') : detail)
  const due =
    state === 'retrying' && next !== undefined
      ? next > nowMs
        ? `in ${formatDuration(next - nowMs)}`
        : 'due now'
      : undefined
  const why = reason && cleanText(reason)
  const parts = [due, why && what ? `${why}: ${what}` : why || what, by && `by ${cleanText(by)}`]
  return parts.filter(part => part !== undefined && part !== '').join(', ')
}

const OTHER_COLUMNS = 30

/** `reactions list`. */
export function reactionsTable(reactions: readonly ReactionView[], nowMs: number, look: Look): string[] {
  // Whole keys, for they are what other commands take; tag and reason share what is left of a terminal.
  const widest = Math.max(...reactions.map(({ key }) => cleanText(key).length))
  const room =
    look.columns === undefined ? undefined : Math.max(16, Math.floor((look.columns - widest - OTHER_COLUMNS) / 2))
  const rows = reactions.map(one => {
    const tag = cleanText(one.tag)
    const why = whyText(one, nowMs)
    return [
      cleanText(one.key),
      formatDuration(Math.max(0, nowMs - one.at)),
      `${stateText(one.state, look.paint)}${(one.attempt ?? 1) > 1 ? ` #${one.attempt}` : ''}`,
      room === undefined ? tag : cutMiddle(tag, room),
      room === undefined ? why : cut(why, room),
    ]
  })
  return table(['KEY', 'AGE', 'STATE', 'EVENT', 'WHY'], rows, look)
}

const WIDE = 10_000

/** `reactions show`. */
export function reactionText(shown: ReactionDetail, nowMs: number, look: Look): string[] {
  const { paint } = look
  const { cause, actions, policy, history } = shown
  const at = (ms: number) => `${clockTime(ms, nowMs)} (${formatDuration(Math.max(0, nowMs - ms))} ago)`
  const rows: [string, string | undefined][] = [
    ['key', cleanText(shown.key)],
    ['rule', cleanText(shown.rule)],
    ['state', `${stateText(shown.state, paint)}${(shown.attempt ?? 1) > 1 ? `, attempt ${shown.attempt}` : ''}`],
    ['since', at(shown.at)],
    ['why', whyText(shown, nowMs) || undefined],
    ['took', shown.ms === undefined ? undefined : formatDuration(Math.round(shown.ms))],
    ['jobs', shown.jids?.map(cleanText).join(' ')],
    ['bundle', shown.bundle || undefined],
    ['policy', policy && cleanText(JSON.stringify(policy))],
    ['causes', shown.chain && cleanText(shown.chain).replaceAll(',', ' → ')],
    ['event', `${cleanText(shown.tag)} ${cleanText(shown.event)}`.trim()],
    ['from', cause && `${cleanText(cause.origin)} at ${cleanText(cause.stamp)}`],
  ]
  const head = rows.flatMap(([name, text]) => (text === undefined ? [] : [`${paint('dim', name.padEnd(10))}${text}`]))
  return [
    ...head,
    ...(cause ? prettyJson(cause.data).map(line => paint('dim', `    ${line}`)) : []),
    ...section(paint, 'actions', actions === undefined ? [] : actionLines(actions)),
    ...(history.length > 1 ? ['', ...historyTable(history, nowMs, look)] : []),
  ]
}

const section = (paint: Paint, name: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', paint('dim', name), ...lines.map(line => `  ${line}`)]

const actionLines = (actions: readonly ReactionAction[] | null): string[] =>
  actions === null
    ? ['none: its rule could not be rendered; a retry decides again, by the rule as it is now']
    : actions.map(action => actionText(action, true, WIDE))

function historyTable(history: readonly ReactionView[], nowMs: number, look: Look): string[] {
  const rows = history.map(one => [
    String(one.attempt ?? 1),
    stateText(one.state, look.paint),
    clockTime(one.at, nowMs),
    (one.jids ?? []).map(cleanText).join(' '),
    whyText({ ...one, state: 'done' }, nowMs),
  ])
  return table(['ATTEMPT', 'STATE', 'AT', 'JOBS', 'WHY'], rows, look)
}

/** `reactions counts`. */
export function countsTable(rules: readonly RuleCounts[], nowMs: number, look: Look): string[] {
  const ago = (ms: number | undefined) => (ms === undefined ? '' : formatDuration(Math.max(0, nowMs - ms)))
  const count = (n: number | undefined) => (n ? n.toLocaleString('en') : '')
  const rows = rules.map(({ rule, states, suppressed, last_fired, last_suppressed, last_error: error }) => [
    cleanText(rule),
    ...DECISION_STATES.map(state => count(states[state])),
    Object.entries(suppressed)
      .map(([reason, n]) => `${count(n)} ${cleanText(reason)}`)
      .join(', '),
    ago(last_fired),
    ago(last_suppressed),
    error
      ? `${ago(error.at)} ago: ${look.columns === undefined ? cleanText(error.reason) : cut(cleanText(error.reason), 60)}`
      : '',
  ])
  const heads = [
    'RULE',
    ...DECISION_STATES.map(state => state.toUpperCase()),
    'SUPPRESSED',
    'FIRED',
    'SUPPR.',
    'LAST ERROR',
  ]
  return table(heads, rows, look)
}
