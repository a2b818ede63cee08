// One token of a subject (and one KV key): `[A-Za-z0-9_-]` stays, every other byte of the UTF-8 becomes `=XX`, and an
// empty text is `=`. Injective, so that no id or tag can widen, break or take another's subject.
import { ReactorError } from '../base/errors.ts'

const PLAIN = /^[A-Za-z0-9_-]+$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return PLAIN.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

/** Escapes any text into one token. Throws `bad_event` on text that is no Unicode (a lone surrogate). */
export function escapeToken(text: string): string {
  if (PLAIN.test(text)) return text
  if (text === '') return '='
  if (!text.isWellFormed()) {
    throw new ReactorError(
      'bad_event',
      `${JSON.stringify(text)} is not valid Unicode (a lone surrogate) and cannot be sent`,
    )
  }
  let out = ''
  for (const byte of encoder.encode(text)) out += BYTE[byte]
  return out
}

/** The text of a token. Throws `bad_event` on one that `escapeToken` cannot have made. */
export function unescapeToken(token: string): string {
  if (PLAIN.test(token)) return token
  if (token === '=') return ''
  if (token === '') throw malformed(token)
  const bytes: number[] = []
  for (let i = 0; i < token.length; i++) {
    const char = token[i]!
    if (char !== '=') {
      if (!PLAIN.test(char)) throw malformed(token)
      bytes.push(char.charCodeAt(0))
      continue
    }
    const hex = token.slice(i + 1, i + 3)
    const byte = /^[0-9A-F]{2}$/.test(hex) ? Number.parseInt(hex, 16) : -1
    if (byte < 0 || BYTE[byte]!.length === 1) throw malformed(token)
    bytes.push(byte)
    i += 2
  }
  try {
    return decoder.decode(Uint8Array.from(bytes))
  } catch {
    throw malformed(token)
  }
}

function malformed(token: string): ReactorError {
  return new ReactorError(
    'bad_event',
    `'${token}' is not a subject token as this program writes them ([A-Za-z0-9_-] and =XX)`,
  )
}

/** Escapes an id or a user's name: a leading `_` is escaped too, so that the services' origins cannot be taken. */
export function escapeId(id: string): string {
  const token = escapeToken(id)
  return token.startsWith('_') ? `=5F${token.slice(1)}` : token
}

/** The id that `escapeId` wrote. Throws `bad_event` on a token that it cannot have made. */
export function unescapeId(token: string): string {
  if (token.startsWith('_') || token === '=5F=') throw malformed(token)
  if (!token.startsWith('=5F')) return unescapeToken(token)
  return token.length > 3 ? `_${unescapeToken(token.slice(3))}` : '_'
}
