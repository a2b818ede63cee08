// Rules in force as text: the head of the list and the table.
import { cleanText } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { RuleCounts } from '../../protocol/reaction-view.ts'
import type { ActivationSource, ReactorLag, RulesView, RuleView } from '../../protocol/rule-view.ts'
import { refusedText } from '../../reactor/bundle/refused.ts'
import { cutMiddle } from '../../tail/width.ts'
import { table, type tableLook } from '../jobs/table.ts'

type Look = ReturnType<typeof tableLook>

const WIDEST = 40
const LONGEST_ERROR = 60

export const ago = (at: number, nowMs: number): string => `${formatDuration(Math.max(0, nowMs - at))} ago`

/** `folder /etc/reactor/rules`, `push of rules/ by ada`. */
export function sourceText(from: ActivationSource | undefined): string {
  if (!from) return ''
  const name = cleanText(from.name)
  return from.kind === 'folder' ? `folder ${name}` : `push of ${name}${from.by ? ` by ${cleanText(from.by)}` : ''}`
}

/** `reactors have decided on every event`, `reactors are 12 events behind, the oldest stored 3s ago`. */
export function lagText({ pending, in_hand, oldest }: ReactorLag, nowMs: number): string {
  const behind = pending + in_hand
  if (behind === 0) return 'the reactors have decided on every event'
  const since = oldest === undefined ? '' : `, the oldest stored ${ago(oldest, nowMs)}`
  return `the reactors are ${behind} ${behind === 1 ? 'event' : 'events'} behind${since}`
}

/** `done 12, parked 1, shadow 3`; empty: nothing yet. */
export function countsText(counts: RuleCounts | undefined): string {
  const { states = {}, suppressed = {} } = counts ?? {}
  return [...Object.entries(states), ...Object.entries(suppressed)]
    .flatMap(([name, count]) => (count ? [`${name} ${count}`] : []))
    .join(', ')
}

/** With those of its `on_failure`, which has no line of its own. */
export function reactionsText({ counts, on_failure }: Pick<RuleView, 'counts' | 'on_failure'>): string {
  const own = countsText(counts)
  const failed = countsText(on_failure)
  return [own, ...(failed ? [`on_failure: ${failed}`] : [])].filter(Boolean).join('; ')
}

export function headLines({ bundle, at, from, rules, lag }: RulesView, nowMs: number): string[] {
  const off = rules.filter(rule => rule.off && !rule.gone).length
  const count = rules.filter(rule => !rule.gone).length
  const source = sourceText(from)
  const head =
    bundle === undefined
      ? 'no rules were ever in force'
      : [
          `bundle ${bundle}${source && ` from ${source}`}${at === undefined ? '' : `, in force since ${clockTime(at, nowMs)}`}`,
          `${count} ${count === 1 ? 'rule' : 'rules'}${off > 0 ? `, ${off} switched off` : ''}`,
        ].join(': ')
  return [head, ...(lag ? [lagText(lag, nowMs)] : [])]
}

/** A line for each file that does not load. */
export function refusedLines({ refused }: RulesView, paint: Look['paint']): string[] {
  if (!refused) return []
  const { files, more } = refused
  return [
    ...files.map(file => paint('bad', refusedText(file))),
    ...(more ? [paint('bad', `… and ${more} more ${more === 1 ? 'file' : 'files'}`)] : []),
  ]
}

export function rulesTable(rules: readonly RuleView[], nowMs: number, look: Look): string[] {
  const { paint } = look
  const short = (text: string) => (look.columns === undefined ? cleanText(text) : cutMiddle(cleanText(text), WIDEST))
  const rows = rules.map(view => {
    const { counts, source } = view
    const error = counts?.last_error
    return [
      short(view.rule),
      paint(view.mode === 'live' ? 'good' : view.off ? 'bad' : 'dim', modeText(view)),
      short(view.on.join(' ')),
      short(view.do.join(', ')),
      reactionsText(view),
      counts?.last_fired === undefined ? '' : ago(counts.last_fired, nowMs),
      error ? paint('bad', `${ago(error.at, nowMs)}: ${cutMiddle(cleanText(error.reason), LONGEST_ERROR)}`) : '',
      source ? cleanText(`${source.file}:${source.line}`) : '',
    ]
  })
  return table(['RULE', 'MODE', 'ON', 'DO', 'REACTIONS', 'LAST FIRED', 'LAST ERROR', 'FROM'], rows, look)
}

function modeText({ mode, off, gone }: RuleView): string {
  if (!off) return mode
  return `off by ${cleanText(off.by)}${gone ? ' (no such rule now)' : ''}`
}
