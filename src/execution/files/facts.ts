// What is known of a file or folder without reading it, and what has become of it since.
import type { BigIntStats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { fileId } from './writers.ts'

export interface FileFacts {
  isFolder: boolean
  /** Of a regular file: who it is to others than this watch, as `fileId` has it. */
  fileId: string | undefined
  /** Another where there is another file under the same path. */
  identity: string
  /** Another where its content may be another. */
  content: string
  /** Another where mode, owner or the like are others. */
  attributes: string
  isEmpty: boolean
}

export type ChangeKind = 'create' | 'delete' | 'delete_self' | 'modify' | 'attrib' | 'close_write'

/** Undefined where there is none. A symbolic link is followed where that is said. */
export async function factsOf(path: string, { follow = false } = {}): Promise<FileFacts | undefined> {
  let found: BigIntStats
  try {
    found = await (follow ? stat : lstat)(path, { bigint: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  const isFolder = found.isDirectory()
  const { dev, ino, birthtimeNs, size, mtimeNs, ctimeNs, mode, uid, gid } = found
  return {
    isFolder,
    fileId: found.isFile() ? fileId(found) : undefined,
    // Numbers of files that are gone are given again, so its birth belongs to it.
    identity: `${dev} ${ino} ${birthtimeNs}`,
    // The times of a folder change with what is in it, which is looked at by itself.
    content: isFolder ? '' : `${size} ${mtimeNs}`,
    attributes: isFolder ? `${mode} ${uid} ${gid}` : `${ctimeNs}`,
    isEmpty: isFolder || size === 0n,
  }
}

/** What of it is wanted: one change, or that it was deleted and made anew. */
export function changesBetween(
  before: FileFacts | undefined,
  now: FileFacts | undefined,
  wanted: ReadonlySet<ChangeKind>,
): ChangeKind[] {
  const among = (...kinds: ChangeKind[]) => kinds.filter(kind => wanted.has(kind))
  if (!before && !now) return []
  // Who asks for new content alone has it in a new file too.
  if (!before) return wanted.has('create') || now!.isEmpty ? among('create') : among('modify')
  if (!now) return among('delete')
  if (before.identity !== now.identity) {
    // As editors save: written beside it, and put in its place.
    const isSaved = !before.isFolder && !now.isFolder && wanted.has('modify')
    return isSaved ? ['modify'] : among('delete', 'create')
  }
  if (before.content !== now.content) return among('modify')
  return before.attributes === now.attributes ? [] : among('attrib')
}
