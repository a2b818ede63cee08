// Places inside of a rule: the path to a value, how it is written, and how a wrong value is shown in a message.

/** Keys and indexes from a root to what a message speaks of. */
export type Path = readonly (string | number)[]

/** `at: 'key'`: the message speaks of the key at that path and not of its value. */
export type Report = (path: Path, message: string, at?: 'key') => void

const MAX_SHOWN = 60

/** `.args[0].x`; empty for the root itself. */
export function formatPath(path: Path): string {
  return path.map(step => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
}

/** The value as JSON of at most 60 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text
}

/** The text that it is, or else as it is shown: what people may have meant. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : show(value))

/** A target as rules may give it: one text, or a list of ids, nothing in it empty. */
export function isTarget(value: unknown): value is string | string[] {
  return isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText))
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
