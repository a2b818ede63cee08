// Keeps the secrets of a minion's pillar out of all that leaves the minion: wherever one stands, as it is or encoded, it is
// `[redacted]`.
import { REDACTED } from '../base/redact.ts'
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
/** Of a secret of several lines, such as a key, each line of this length is one itself: a diff shows them one by one. */
const SHORTEST_LINE = 8

export function createHiding(): Hiding {
  const known = new Set<string>()
  let pattern: RegExp | undefined
  const compile = () => {
    const forms = new Set([...known].flatMap(formsOf))
    // The longest first: a secret inside another one must not leave the rest of it standing.
    const ordered = [...forms].sort((a, b) => b.length - a.length)
    pattern = ordered.length === 0 ? undefined : new RegExp(ordered.map(escapeRegex).join('|'), 'g')
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
      const secrets = pattern
      return secrets ? (hideIn(value, text => text.replace(secrets, REDACTED)) as T) : value
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

function formsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map(line => line.trim())
  const parts = lines.length > 1 ? lines.filter(line => line.length >= SHORTEST_LINE) : []
  return [secret, secret.trim(), ...parts].flatMap(text => {
    const bytes = Buffer.from(text)
    const [base64, json] = [bytes.toString('base64'), JSON.stringify(text).slice(1, -1)]
    return [text, base64, base64.replace(/=+$/, ''), bytes.toString('hex'), encodeURIComponent(text), json].filter(
      form => form.length >= SHORTEST_SECRET,
    )
  })
}

const escapeRegex = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
