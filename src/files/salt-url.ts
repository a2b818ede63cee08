// `salt://path?saltenv=dev`: how SLS files, states and functions name files of file_roots.
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { readFolderPath, readSaltenv } from './path.ts'

export const SALT_SCHEME = 'salt://'

export interface SaltUrl {
  /** Below the root; empty where the root itself is meant. */
  path: string
  saltenv: string
}

export const isSaltUrl = (text: unknown): boolean => typeof text === 'string' && text.startsWith(SALT_SCHEME)

/**
 * Reads one. As in Salt, other signs of URLs (`?`, `#`, `%`) belong to the name, and `salt://|…`, which is how it escapes them,
 * means the same. `saltenv`: the environment where it names none. Throws `bad_argument`.
 */
export function parseSaltUrl(url: string, saltenv: string): SaltUrl {
  if (!isSaltUrl(url))
    throw new ReactorError(
      'bad_argument',
      `${cut(JSON.stringify(url), 200)} is no file of the master: write salt://path`,
    )
  const rest = url.slice(SALT_SCHEME.length)
  if (/\?env=/.test(rest))
    throw new ReactorError('bad_argument', `${cut(JSON.stringify(url), 200)}: write ?saltenv= in the place of ?env=`)
  const [path = '', env] = splitOnce(rest.startsWith('|') ? rest.slice(1) : rest, '?saltenv=')
  return { path: readFolderPath(path), saltenv: readSaltenv(env ?? saltenv) }
}

export const formatSaltUrl = (path: string): string => `${SALT_SCHEME}${path}`

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + by.length)]
}
