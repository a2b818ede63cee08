// Keeps the secrets of a minion's pillar out of all that leaves the minion: wherever one stands, as it is or encoded, it is
// `[redacted]`.
import { REDACTED } from '../base/redact.ts'
import { createReplace } from './replace.ts'
import { mapTexts, SHORTEST_SECRET } from './secrets.ts'

export interface Hiding {
  /** From now on these too; the ones before stay hidden, for what still runs may have them. */
  add(secrets: readonly string[]): void
  hide<T>(value: T): T
}

/** The oldest are forgotten first. */
const MOST_SECRETS = 5000
/** In the place of what is no JSON, such as a list that holds itself. */
const UNSEARCHED = '[redacted: it is no JSON, and cannot be searched for secrets of the pillar]'
/** Of what was cut off within a secret, its beginning is hidden up to this length: messages cut off values at about that. */
const LONGEST_BEGINNING = 200
/** A text with more of them was not cut off by a message. */
const MOST_CUTS = 100
/** Of a secret of several lines, such as a key, each line of this length is one itself: a diff shows them one by one. */
const SHORTEST_LINE = 8

export function createHiding(): Hiding {
  const known = new Set<string>()
  let replace: ((text: string) => string) | undefined
  let beginnings: ReadonlySet<string> = new Set()
  const compile = () => {
    const secrets = [...known]
    // A secret inside another one must not leave the rest of it standing: the longest counts.
    replace = createReplace(secrets.flatMap(formsOf), REDACTED)
    beginnings = new Set(secrets.flatMap(secret => [secret, inJson(secret)]).flatMap(beginningsOf))
  }
  return {
    add(secrets) {
      const fresh = secrets.filter(secret => !known.has(secret))
      if (fresh.length === 0) return
      for (const secret of fresh) known.add(secret)
      for (const oldest of known) {
        if (known.size <= MOST_SECRETS) break
        known.delete(oldest)
      }
      compile()
    },
    hide<T>(value: T): T {
      const replaceIn = replace
      return replaceIn ? (hideIn(value, text => hideCut(replaceIn(text), beginnings)) as T) : value
    },
  }
}

/** Looks at what would be sent of it: an object may have more to tell as JSON than it has keys. */
function hideIn(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value)
  if (typeof value !== 'object' || value === null) return value
  let sent: unknown
  try {
    sent = JSON.parse(JSON.stringify(value) ?? 'null')
  } catch {
    return UNSEARCHED
  }
  const hidden = mapTexts(sent, hide)
  return hidden === sent ? value : hidden
}

/** A message that cuts a value off, with `…`, may have done so within a secret. */
function hideCut(text: string, beginnings: ReadonlySet<string>): string {
  let shown = text
  let at = shown.indexOf('…')
  for (let cuts = 0; at >= 0 && cuts < MOST_CUTS; cuts++) {
    let length = Math.min(at, LONGEST_BEGINNING)
    while (length >= SHORTEST_SECRET && !beginnings.has(shown.slice(at - length, at))) length--
    if (length >= SHORTEST_SECRET) {
      shown = shown.slice(0, at - length) + REDACTED + shown.slice(at)
      at += REDACTED.length - length
    }
    at = shown.indexOf('…', at + 1)
  }
  return shown
}

const beginningsOf = (text: string): string[] =>
  Array.from({ length: Math.min(text.length, LONGEST_BEGINNING + 1) - SHORTEST_SECRET }, (_, n) =>
    text.slice(0, n + SHORTEST_SECRET),
  )

function formsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map(line => line.trim())
  const parts = lines.length > 1 ? lines.filter(line => line.length >= SHORTEST_LINE) : []
  return [secret, secret.trim(), ...parts].flatMap(text => {
    const bytes = Buffer.from(text)
    const [hex, url] = [bytes.toString('hex'), encodeURIComponent(text.toWellFormed())]
    return [
      ...[text, inJson(text), inJson(inJson(text)), inHtml(text)],
      ...[inAscii(text), inAscii(inJson(text)), inJson(inAscii(inJson(text))), inPython(text)],
      ...[hex, hex.toUpperCase(), url, url.replaceAll('%20', '+'), url.replaceAll('%2F', '/')],
      // As shells, and YAML and SQL, have it within single quotes.
      ...["'\\''", `'"'"'`, "''", "\\'"].map(quote => text.replaceAll("'", quote)),
      ...inBase64(bytes).flatMap(form => [form, form.replaceAll('+', '-').replaceAll('/', '_')]),
    ].filter(form => form.length >= SHORTEST_SECRET)
  })
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1)

/** As Python writes JSON, and YAML within double quotes. */
const inAscii = (text: string) =>
  text.replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
const inPython = (text: string) =>
  inJson(text).replace(/[^ -~]/g, unit => {
    const code = unit.charCodeAt(0).toString(16).toUpperCase()
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }
const inHtml = (text: string) => text.replace(/[&<>"']/g, sign => HTML[sign]!)

/** By itself, and what is the same wherever it stands in a longer text, as in `user:password`. */
function inBase64(bytes: Buffer): string[] {
  const inner = [0, 1, 2].map(before => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  return [bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, ''), ...inner]
}
