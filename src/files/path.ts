// Names of files in file_roots: a path below a root, said in one way only, that never leads out of it.
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'

/** What the system takes as a path, less what the folders above it need. */
const MOST_BYTES = 3000
/** As in config: so that no environment is a folder of the cache's own, or the one above. */
export const SALTENV = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/

/** The path with its segments joined by `/`; empty and `.` segments are left out. Throws `bad_argument`. */
export function readFilePath(path: unknown): string {
  const clean = readFolderPath(path)
  if (clean === '') throw refused(path, 'names no file')
  return clean
}

/** The same of a folder, which may be the root itself: an empty text. */
export function readFolderPath(path: unknown): string {
  if (typeof path !== 'string') throw new ReactorError('bad_argument', `a path must be text, got ${typeof path}`)
  if (path.startsWith('/'))
    throw refused(path, "is absolute: write it as it lies below the root, without '/' before it")
  if (path.includes('\0')) throw refused(path, 'has a NUL in it')
  if (!path.isWellFormed()) throw refused(path, 'has half a character in it')
  if (Buffer.byteLength(path) > MOST_BYTES) throw refused(path, `has more than ${MOST_BYTES} bytes`)
  // On another system a backslash is a separator too.
  if (path.split(/[/\\]/).includes('..')) throw refused(path, "has '..' in it, which could leave the root")
  return path
    .split('/')
    .filter(segment => segment !== '' && segment !== '.')
    .join('/')
}

/** Throws `bad_argument` on what can be no environment's name. */
export function readSaltenv(saltenv: unknown): string {
  if (typeof saltenv === 'string' && SALTENV.test(saltenv)) return saltenv
  throw new ReactorError(
    'bad_argument',
    `${cut(JSON.stringify(saltenv ?? null), 100)} is no environment: its name has letters, digits and . _ -`,
  )
}

const refused = (path: unknown, why: string) =>
  new ReactorError('bad_argument', `the path ${cut(JSON.stringify(path), 200)} ${why}`)
