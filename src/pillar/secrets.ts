// Secrets of pillar, `!env NAME` and `!file PATH`. While pillar is compiled a mark that nobody can guess stands in the place of
// each; only when it is done are they read, for the minion alone, and everybody else gets `[redacted]` there.
import { randomBytes } from 'node:crypto'
import { isAbsolute } from 'node:path'
import type { ScalarTag } from 'yaml'
import { readSecret, type SecretSources } from '../alerts/secret-sources.ts'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { REDACTED } from '../base/redact.ts'

/** What is shorter cannot be told from other words, and so not be hidden. */
export const SHORTEST_SECRET = 4

export interface PillarSecrets {
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
  const prefix = `secret${randomBytes(16).toString('hex')}n`
  const marks = new RegExp(`${prefix}(\\d+)e`, 'g')
  const refs: Ref[] = []
  const known = new Map<string, string>()

  const markOf = (ref: Ref): string => {
    const key = `${ref.kind} ${ref.name}`
    const before = known.get(key)
    if (before) return before
    if (refs.length >= MOST_REFS) throw new Error(`pillar names more than ${MOST_REFS} secrets`)
    const mark = `${prefix}${refs.push(ref) - 1}e`
    known.set(key, mark)
    return mark
  }
  const tag = (kind: Ref['kind'], what: string): ScalarTag => ({
    tag: `!${kind}`,
    resolve(text, onError) {
      const name = text.trim()
      if (name === '') onError(`!${kind} takes ${what}`)
      else if (kind === 'file' && !isAbsolute(name)) onError(`!file takes the absolute path of a file, got '${name}'`)
      return markOf({ kind, name })
    },
  })
  const read = (number: string): string => {
    const { kind, name } = refs[Number(number)]!
    const secret = readSecret('pillar', `!${kind} ${name}`, kind === 'env' ? { env: name } : { file: name }, sources)
    if (secret.length >= SHORTEST_SECRET) return secret
    throw new ReactorError(
      'bad_config',
      `pillar: !${kind} ${name}: the secret has fewer than ${SHORTEST_SECRET} characters and could not be kept out of what is shown`,
    )
  }
  const swap = (value: unknown, put: (number: string) => string): unknown =>
    refs.length === 0
      ? value
      : mapTexts(value, text => (text.includes(prefix) ? text.replace(marks, (_mark, number) => put(number)) : text))

  return {
    tags: [tag('env', 'the name of an environment variable of the master'), tag('file', 'the absolute path of a file')],
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

/** The value with every text in it mapped, keys included; itself where nothing changes. */
export function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
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
