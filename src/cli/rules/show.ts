// One rule as a rule file: what is known of it as comments, then the document.
import { cleanText } from '../../base/clean.ts'
import { clockTime } from '../../call/unanswered.ts'
import type { RuleShown } from '../../protocol/rule-view.ts'
import { refusedText } from '../../reactor/bundle/refused.ts'
import { printable } from '../out/nested.ts'
import { ago, reactionsText, sourceText } from './table.ts'

export async function ruleFile(shown: RuleShown, nowMs: number): Promise<string[]> {
  const { source, off, refused, counts, pending, from, document } = shown
  const when = (at: number) => `${clockTime(at, nowMs)} (${ago(at, nowMs)})`
  const origin = sourceText(from)
  const rows: [string, string | undefined][] = [
    ['from', source && cleanText(`${source.file}:${source.line}`)],
    ['', refused && refusedText(refused)],
    ['bundle', `${shown.bundle}${origin && ` from ${origin}`}, ${when(shown.at)}`],
    ['mode', shown.mode],
    ['off by', off && `${cleanText(off.by)}, ${when(off.at)}${off.reason ? `: ${cleanText(off.reason)}` : ''}`],
    ['', shown.gone && `there is no rule '${cleanText(shown.rule)}' now; should it come back, it is off`],
    ['reactions', reactionsText(shown) || undefined],
    ['fired', counts?.last_fired === undefined ? undefined : when(counts.last_fired)],
    ['last error', counts?.last_error && `${when(counts.last_error.at)}: ${cleanText(counts.last_error.reason)}`],
    ['pending', pending && `waiting ${pending.waiting}, retrying ${pending.retrying}, parked ${pending.parked}`],
  ]
  const head = rows.flatMap(([name, text]) => (text === undefined ? [] : [`# ${name.padEnd(11)}${text}`.trimEnd()]))
  if (!document) return head
  const { stringify } = await import('yaml')
  // As rule files are read, in which `on` needs no quotes.
  const yaml = stringify(document, { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false })
  return [...head, ...yaml.trimEnd().split('\n').map(printable)]
}
