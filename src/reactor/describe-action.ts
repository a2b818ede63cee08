// An action in words, for the record of a rule in shadow mode.
import type { ReactionAction } from '../protocol/job.ts'

/** An action as one line: `local.service.restart web1 nginx force=true`. */
export function describeAction({ kind, fun, tgt, arg, kwarg }: ReactionAction): string {
  const target = tgt === undefined ? [] : [[tgt].flat().join(',')]
  const values = [...arg.map(word), ...Object.entries(kwarg).map(([name, value]) => `${name}=${word(value)}`)]
  return [`${kind}.${fun}`, ...target, ...values].join(' ')
}

const word = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=;]+$/.test(value) ? value : (JSON.stringify(value) ?? 'null')
