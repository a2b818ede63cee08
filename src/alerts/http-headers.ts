// Headers of an HTTP call: merged by lower-case name, checked, and cut down to the harmless ones for another origin.
import { ReactorError } from '../base/errors.ts'

export type Headers = Record<string, string>
export type HeaderInput = Readonly<Record<string, string | number | boolean>>

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused here.
const BAD_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/
// The client sets these from the body and the connection; a second opinion would make requests that mean two things.
const OWN = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
// What may follow a redirect to another origin. A list of what is harmless: any other header may hold a secret.
const HARMLESS = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent'])

/** The maps as one, later ones first in rank. Throws `bad_argument` for a name or value that is no header. */
export function mergeHeaders(...maps: (HeaderInput | undefined)[]): Headers {
  const merged = new Map<string, string>()
  for (const map of maps) {
    for (const [name, value] of Object.entries(map ?? {})) {
      merged.set(checkName(name), checkValue(name, String(value).trim()))
    }
  }
  return Object.fromEntries(merged)
}

function checkName(name: string): string {
  if (!NAME.test(name)) throw new ReactorError('bad_argument', `headers: ${JSON.stringify(name)} is no header name`)
  const lower = name.toLowerCase()
  if (OWN.has(lower)) {
    throw new ReactorError('bad_argument', `headers: '${name}' is set by the client itself; leave it out`)
  }
  return lower
}

function checkValue(name: string, value: string): string {
  if (!BAD_VALUE.test(value)) return value
  // The value is not shown: it may be a secret with a stray line break.
  throw new ReactorError(
    'bad_argument',
    `headers: the value of '${name}' has a line break, a control character or a letter outside Latin-1`,
  )
}

/** Those headers that another origin than the one they were meant for may see. */
export function harmlessHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name)))
}

/** The headers without what describes a body. */
export function withoutBody(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith('content-') && name !== 'idempotency-key'),
  )
}

/** Response headers as a function returns them: lower case, several values joined, cookies left out. */
export function shownHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const shown = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !/^set-cookie2?$/i.test(name)) shown.set(name.toLowerCase(), [value].flat().join(', '))
  }
  return Object.fromEntries(shown)
}
