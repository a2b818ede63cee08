// Signals as people write them.
import { constants } from 'node:os'
import { ReactorError } from './errors.ts'

/** The number of `15`, `TERM` or `SIGTERM`, in any case. Throws `bad_argument` on a signal that there is not. */
export function signalNumber(signal: string | number): number {
  const known: Readonly<Record<string, number>> = constants.signals
  const text = String(signal).toUpperCase()
  const name = text.startsWith('SIG') ? text : `SIG${text}`
  const number = Object.hasOwn(known, name) ? known[name]! : Number(text)
  if (Object.values(known).includes(number)) return number
  throw new ReactorError('bad_argument', `'${signal}' is not a signal: write its number or name, such as 15 or TERM`)
}
