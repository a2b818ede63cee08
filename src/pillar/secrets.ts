// Secrets of pillar, `!env NAME` and `!file PATH`. While pillar is compiled a mark that nobody can guess stands in the place of
// each; only when it is done are they read, for the minion alone, and everybody else gets `[redacted]` there. Who writes the
// files of pillar names secrets: the values that a template fills in, such as grains, cannot.
import { randomBytes } from 'node:crypto'
import { isAbsolute } from 'node:path'
import type { ScalarTag } from 'yaml'
import { readSecret, type SecretSources } from '../alerts/secret-sources.ts'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { REDACTED } from '../base/redact.ts'
import { createOwnText, type OwnText } from './own-text.ts'

/** What is shorter cannot be told from other words, and so not be hidden. */
export const SHORTEST_SECRET = 4

export interface PillarSecrets {
  /** Of a file that is to be rendered: only the tags that stand in it are secrets. */
  own: OwnText
  /** For the YAML of SLS files. */
  tags: ScalarTag[]
  /** Reads what the marks in it stand for. Throws `bad_config` that names the variable or file of one that cannot be read. */
  check(value: unknown): void
  /** The value with its secrets, and these. Throws as `check` does. */
  reveal(value: unknown): { value: unknown; secrets: string[] }
  /** The value with `[redacted]` in their place. */
  hide<T>(value: T): T
}

interface Ref {
  kind: 'env' | 'file'
  name: string
}

/** More of them are no secrets but something that makes names up. */
const MOST_REFS = 10_000

export function createPillarSecrets(sources: SecretSources = {}): PillarSecrets {
  const prefix = `secret${random()}n`
  const marks = new RegExp(`${prefix}([0-9a-f]{32})`, 'g')
  const own = createOwnText()
  const refs = new Map<string, Ref>()
  const known = new Map<string, string>()

  const markOf = (ref: Ref): string => {
    const key = `${ref.kind} ${ref.name}`
    const before = known.get(key)
    if (before) return before
    if (refs.size >= MOST_REFS) throw new Error(`pillar names more than ${MOST_REFS} secrets`)
    // Random each: whoever sees one, as in what a template makes of it, does not know the others.
    const number = random()
    refs.set(number, ref)
    known.set(key, `${prefix}${number}`)
    return `${prefix}${number}`
  }
  const tag = (kind: Ref['kind'], what: string): ScalarTag[] => [
    {
      tag: own.tag(`!${kind}`),
      resolve(text, onError) {
        const name = text.trim()
        if (name === '') onError(`!${kind} takes ${what}`)
        else if (kind === 'file' && !isAbsolute(name)) onError(`!file takes the absolute path of a file, got '${name}'`)
        return markOf({ kind, name })
      },
    },
    {
      tag: `!${kind}`,
      resolve(_text, onError) {
        onError(
          `!${kind} names a secret only where a file of pillar says so itself, and here it was filled in: quote it`,
        )
        return null
      },
    },
  ]
  const read = (number: string): string => {
    const { kind, name } = refs.get(number)!
    const secret = readSecret('pillar', `!${kind} ${name}`, kind === 'env' ? { env: name } : { file: name }, sources)
    if (secret.length >= SHORTEST_SECRET) return secret
    throw new ReactorError(
      'bad_config',
      `pillar: !${kind} ${name}: the secret has fewer than ${SHORTEST_SECRET} characters and could not be kept out of what is shown`,
    )
  }
  const swap = (value: unknown, put: (number: string) => string): unknown =>
    mapTexts(value, text => {
      const shown = own.unmark(text)
      if (!shown.includes(prefix)) return shown
      return shown.replace(marks, (mark, number: string) => (refs.has(number) ? put(number) : mark))
    })

  return {
    own,
    tags: [
      ...tag('env', 'the name of an environment variable of the master'),
      ...tag('file', 'the absolute path of a file'),
    ],
    check: value => void swap(value, read),
    reveal(value) {
      const secrets = new Map<string, string>()
      const revealed = swap(value, number => {
        const secret = secrets.get(number) ?? read(number)
        secrets.set(number, secret)
        return secret
      })
      return { value: revealed, secrets: [...new Set(secrets.values())] }
    },
    hide: <T>(value: T) => swap(value, () => REDACTED) as T,
  }
}

const random = () => randomBytes(16).toString('hex')

/** The value with every text in it mapped, keys included; itself where nothing changes. A number that is a secret is one. */
export function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
  if (typeof value === 'number') return map(String(value)) === REDACTED ? REDACTED : value
  if (Array.isArray(value)) {
    const mapped = value.map(item => mapTexts(item, map))
    return mapped.some((item, at) => item !== value[at]) ? mapped : value
  }
  if (!isObject(value)) return value
  const entries = Object.entries(value)
  const mapped = entries.map(([key, inner]): [string, unknown] => [map(key), mapTexts(inner, map)])
  return mapped.some(([key, inner], at) => key !== entries[at]![0] || inner !== entries[at]![1])
    ? Object.fromEntries(mapped)
    : value
}
