// What was in force, as a table: who brought which bundle, what it changed, and who switched rules.
import { cleanText } from '../../base/clean.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { ActivationView } from '../../protocol/rule-view.ts'
import { table, type tableLook } from '../jobs/table.ts'
import { sourceText } from './table.ts'

const MOST_NAMES = 5

export function historyTable(
  lines: readonly ActivationView[],
  nowMs: number,
  look: ReturnType<typeof tableLook>,
): string[] {
  const rows = lines.map(line => {
    const { switched } = line
    return [
      clockTime(switched?.at ?? line.at, nowMs),
      line.hash,
      line.rules === undefined ? '' : String(line.rules),
      line.off === 0 ? '' : String(line.off),
      switched ? switchText(switched) : changesText(line),
      switched ? cleanText(switched.by) : sourceText(line.from),
    ]
  })
  return table(['WHEN', 'BUNDLE', 'RULES', 'OFF', 'WHAT', 'BY'], rows, look)
}

/** `+1 ~2 −0`: added, changed, removed. */
export const changesText = ({ changes }: Pick<ActivationView, 'changes'>): string =>
  changes ? `+${changes.added} ~${changes.changed} −${changes.removed}` : ''

function switchText({ to, names, reason }: NonNullable<ActivationView['switched']>): string {
  const named = names.slice(0, MOST_NAMES).map(cleanText).join(' ')
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''
  return `${to === 'on' ? 'enabled' : 'disabled'} ${named}${more}${reason ? ` (${cleanText(reason)})` : ''}`
}
