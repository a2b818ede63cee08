// Files that a caller may name: those inside of folders that the configuration allows, wherever links lead.
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import { errorMessage, ReactorError } from './errors.ts'

/**
 * Opens a file for reading, by its absolute path, inside of one of `roots`. `what` begins the message of errors. Throws
 * `bad_argument` where it is none, cannot be read, or lies elsewhere once every link is followed.
 */
export async function openConfined(path: string, roots: readonly string[], what: string): Promise<FileHandle> {
  const refuse = (why: string) => new ReactorError('bad_argument', `${what}: ${why}`)
  if (!isAbsolute(path)) throw refuse(`'${path}' is not absolute; write the whole path of the file`)
  if (path.split(sep).includes('..')) throw refuse(`'${path}' has '..' in it; write the path that is meant`)
  const outside = () => refuse(`'${path}' lies in none of the folders that are allowed (${roots.join(', ')})`)
  const allowed = await Promise.all(roots.map(root => realpath(root).catch(() => undefined)))
  const isAllowed = (real: string) => allowed.some(root => root !== undefined && isInside(real, root))
  // What lies outside is not looked at, so that nobody learns what is there.
  if (!roots.some(root => isInside(path, root)) && !isAllowed(path)) throw outside()
  let file: FileHandle | undefined
  try {
    const real = await realpath(path)
    if (!isAllowed(real)) throw outside()
    // Without O_NONBLOCK, opening a pipe would wait for a writer that never comes.
    file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    // A folder on the way may have become a link since.
    const [opened, named] = await Promise.all([file.stat(), stat(real)])
    const same = opened.ino === named.ino && opened.dev === named.dev && (await realpath(real)) === real
    if (!same) throw refuse(`'${path}' was moved while it was opened; try again`)
    if (!opened.isFile()) throw refuse(`'${path}' is not a regular file`)
    return file
  } catch (error) {
    await file?.close()
    if (error instanceof ReactorError) throw error
    throw refuse(`cannot read '${path}': ${errorMessage(error)}`)
  }
}

export function isInside(path: string, root: string): boolean {
  const way = relative(root, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
