// Arguments as Salt writes them in events: positional ones, then one map of named ones that is marked.
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'

/** `[...arg, {__kwarg__: true, ...kwarg}]`, without the map where nothing is named. */
export const joinArgs = (arg: readonly unknown[], kwarg: Readonly<Record<string, unknown>>): unknown[] =>
  Object.keys(kwarg).length === 0 ? [...arg] : [...arg, { __kwarg__: true, ...kwarg }]

/** Only the last one may be the map of named ones. */
export function splitArgs(args: readonly unknown[]): { arg: unknown[]; kwarg: Record<string, unknown> } {
  const last = args.at(-1)
  if (!isObject(last) || last.__kwarg__ !== true) return { arg: [...args], kwarg: {} }
  const { __kwarg__: _mark, ...kwarg } = last
  return { arg: args.slice(0, -1), kwarg }
}

/** Secrets, by the names of their keys, do not go along. */
export const saltArgs = (arg: readonly unknown[], kwarg: Readonly<Record<string, unknown>>): unknown[] =>
  redactSecrets(joinArgs(arg, kwarg)) as unknown[]
