// Paths that file states are about: what lies there, links followed or not, and the folders above.
import type { Stats } from 'node:fs'
import { chmod, lchown, lstat, mkdir, readlink, stat } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { failure } from './result.ts'

const MOST_LINKS = 40
/** The sticky bit, and that others may write. */
const STICKY_FOR_ALL = 0o1002

/** Throws where a state is about no absolute path. */
export function requireAbsolute(name: string): void {
  if (!isAbsolute(name)) throw failure(`Specified file ${name} is not an absolute path`)
  if (name.includes('\0')) throw failure(`Specified file ${JSON.stringify(name)} has a NUL character in it`)
}

/** As Salt takes it: `/srv/www/` is `/srv/www`. */
export const withoutSlash = (name: string): string => (name.length > 1 ? name.replace(/\/+$/, '') || '/' : name)

/** Undefined: there is nothing, or no folder on the way to it. */
export const statOf = (path: string): Promise<Stats | undefined> => stat(path).catch(nothing)
/** The same of a link itself. */
export const lstatOf = (path: string): Promise<Stats | undefined> => lstat(path).catch(nothing)

function nothing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
}

export const isFolder = async (path: string): Promise<boolean> => (await statOf(path))?.isDirectory() ?? false

/** Where links lead from `path`, even if nothing is there. Throws a failure on a link that is not to be trusted. */
export async function followLinks(path: string): Promise<string> {
  let at = path
  for (let links = 0; links < MOST_LINKS; links++) {
    const there = await lstatOf(at)
    if (!there?.isSymbolicLink()) return at
    await requireTrusted(at, there)
    at = resolve(dirname(at), await readlink(at))
  }
  throw failure(`Specified file ${path} is a link that leads through too many others`)
}

/** As Linux has it for `/tmp` (fs.protected_symlinks), whether it is told to or not: anybody may have made the link. */
async function requireTrusted(link: string, { uid }: Stats): Promise<void> {
  const folder = await stat(dirname(link))
  if ((folder.mode & STICKY_FOR_ALL) !== STICKY_FOR_ALL || uid === process.geteuid!() || uid === folder.uid) return
  throw failure(
    `${link} is a link that user ${uid} has made in a folder where everybody may: it is not followed; remove it`,
  )
}

export interface FolderOf {
  mode?: number | undefined
  uid?: number | undefined
  gid?: number | undefined
}

/** Makes `folder` and what is missing above it, each with these permissions. */
export async function makeFolders(folder: string, { mode, uid, gid }: FolderOf = {}): Promise<void> {
  if (await isFolder(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) await makeFolders(parent, { mode, uid, gid })
  try {
    await mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await isFolder(folder))) return
    throw error
  }
  if (uid !== undefined || gid !== undefined) await lchown(folder, uid ?? -1, gid ?? -1)
  // mkdir leaves out what the umask says.
  if (mode !== undefined) await chmod(folder, mode)
}
