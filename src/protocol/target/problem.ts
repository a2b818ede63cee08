// What is wrong with a target, said with the expression and a caret under the place.
import { cleanJson, cleanText } from '../../base/clean.ts'
import { ReactorError } from '../../base/errors.ts'

/** An expression as it was written, and the nodegroup it is the definition of. */
export interface Source {
  text: string
  group?: string | undefined
}

const AROUND = 60

export const badTarget = (message: string, details: Record<string, unknown> = {}, cause?: unknown): ReactorError =>
  new ReactorError('bad_argument', message, details, cause)

/** Three lines: the message, the expression (of a long one what lies around the place), a caret under `at`. */
export function malformed(source: Source, at: number, message: string, cause?: unknown): ReactorError {
  const before = points(source.text.slice(0, at))
  const after = points(source.text.slice(at))
  const left = before.length > AROUND ? ['…', ...before.slice(1 - AROUND)] : before
  const right = after.length > AROUND ? [...after.slice(0, AROUND - 1), '…'] : after
  const where = source.group === undefined ? 'target' : `nodegroup ${show(source.group)}`
  return badTarget(
    `bad ${where}: ${message}\n  ${[...left, ...right].join('')}\n  ${' '.repeat(left.length)}^`,
    { expression: source.text, at },
    cause,
  )
}

/** Characters of a text that is on one line and safe to print. */
const points = (text: string): string[] => [...cleanText(text.replace(/\s/gu, ' '))]

/** A text or a value in quotes, safe to print, cut when it is long. */
export function show(value: unknown): string {
  const text =
    typeof value === 'string'
      ? cleanText(value.slice(0, 2 * AROUND))
      : value === undefined
        ? 'nothing'
        : cleanJson(value)
  const chars = [...text]
  const cut = chars.length > AROUND ? `${chars.slice(0, AROUND - 1).join('')}…` : text
  return typeof value === 'string' ? `'${cut}'` : cut
}
