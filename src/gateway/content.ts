// What a body says: `post` is the map of a form or of JSON, `body` the text of anything else.
import type { IncomingHttpHeaders } from 'node:http'
import { errorMessage } from '../base/errors.ts'
import { isObject, parseForeignJson, setOwn } from '../base/json.ts'
import { malformed, type Refusal, refused } from './refusal.ts'

export interface Content {
  post: Record<string, unknown>
  body: string
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/
export const FORM = 'application/x-www-form-urlencoded'
const UTF8 = /^"?(?:utf-?8|us-ascii)"?$/i
const decoder = new TextDecoder('utf-8', { fatal: true })

export type Kind = 'json' | 'form' | 'text'

/** As which a body of this type is read. */
export function kindOf(headers: IncomingHttpHeaders): Kind {
  const type = typeOf(headers)
  if (type === FORM) return 'form'
  return JSON_TYPE.test(type) ? 'json' : 'text'
}

/** What no body of that kind can be read as, known before it has come. */
export function unreadable(headers: IncomingHttpHeaders): Refusal | undefined {
  const refuse = (error: string) => refused(415, 'invalid', error)
  const coding = headers['content-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'identity') return refuse('a compressed body is not taken')
  const type = typeOf(headers)
  if (type.startsWith('multipart/')) return refuse(`${type} is not taken: send a form as ${FORM}, or JSON`)
  const charset = /;\s*charset=([^;]+)/i.exec(headers['content-type'] ?? '')?.[1]?.trim()
  if (charset !== undefined && !UTF8.test(charset)) return refuse('text is taken as UTF-8 only')
  return undefined
}

export function readContent(headers: IncomingHttpHeaders, bytes: Uint8Array): Content | Refusal {
  const invalid = (error: string) => refused(400, 'invalid', error)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return invalid('the body is no UTF-8 text')
  }
  const kind = kindOf(headers)
  if (kind === 'form') {
    // No form begins so; and what was signed must not be read in two ways, by a header that nobody signs.
    if (/^\s*[{[]/.test(text))
      return invalid('the body is JSON, and no form: send it with Content-Type: application/json')
    const post = readForm(text)
    return isWellFormed(post) ? { post, body: '' } : invalid('the form is no UTF-8 behind its percent signs')
  }
  if (kind === 'text') return { post: {}, body: text }
  try {
    const value = parseForeignJson(text)
    return isObject(value) ? { post: value, body: '' } : { post: {}, body: text }
  } catch (error) {
    return malformed('the body is no JSON', errorMessage(error).slice(0, 120))
  }
}

const typeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()

/** A name that comes twice holds a list. */
function readForm(text: string): Record<string, unknown> {
  const values = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(text)) {
    const before = values.get(name)
    if (before === undefined) values.set(name, value)
    else if (Array.isArray(before)) before.push(value)
    else values.set(name, [before, value])
  }
  const post: Record<string, unknown> = {}
  for (const [name, value] of values) setOwn(post, name, value)
  return post
}

/** The parser puts this in the place of what is no UTF-8. */
const isWellFormed = (post: Record<string, unknown>): boolean => !JSON.stringify(post).includes('\ufffd')
