// Where a copy of a file of the master goes that a function is told to put somewhere, and writing it there.
import { stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { type Content, newFileMode, writeFileWhole } from './write.ts'

/** Throws `bad_argument`. */
export function absolute(path: string): string {
  if (isAbsolute(path)) return normalize(path)
  throw new ReactorError('bad_argument', `'${path}' is no absolute path: write it whole`)
}

/** Of a folder, or of what ends with a slash: the file of that name in it. Throws `bad_argument` where there is no folder for it. */
export async function placeOf(dest: string, path: string, makedirs: boolean): Promise<string> {
  const there = await lookAt(absolute(dest))
  const at = dest.endsWith('/') || there?.isDirectory() ? join(absolute(dest), basename(path)) : absolute(dest)
  const folder = dirname(at)
  if (makedirs) await writable(folder, () => makeFolder(folder, 0o755))
  else if (!(await lookAt(folder))?.isDirectory())
    throw new ReactorError('bad_argument', `there is no folder '${folder}': make it, or say makedirs=True`)
  return at
}

/** Keeps owner and permissions of a file that is there. Gives the path back. */
export async function writeAt(content: Content, at: string): Promise<string> {
  const there = await lookAt(at)
  if (there && !there.isFile()) throw new ReactorError('bad_argument', `'${at}' is there and is no file`)
  const perms = there ? { uid: there.uid, gid: there.gid, mode: there.mode & 0o7777 } : { mode: newFileMode() }
  await writable(at, () => writeFileWhole(at, content, perms))
  return at
}

/** Undefined: there is nothing. */
export async function lookAt(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ReactorError('unreadable', `'${path}' cannot be looked at: ${errorMessage(error)}`)
  }
}

/** Throws `unwritable` where `work` throws an error of the system. */
export async function writable(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof ReactorError) throw error
    throw new ReactorError('unwritable', `'${path}' cannot be written: ${errorMessage(error)}`)
  }
}
