// Arguments as Salt writes them in events: positional ones, then one map of named ones that is marked.
import { redactSecrets } from '../base/redact.ts'

/** Secrets, by the names of their keys, do not go along. */
export function saltArgs(arg: readonly unknown[], kwarg: Readonly<Record<string, unknown>>): unknown[] {
  const all = Object.keys(kwarg).length === 0 ? arg : [...arg, { __kwarg__: true, ...kwarg }]
  return redactSecrets(all) as unknown[]
}
