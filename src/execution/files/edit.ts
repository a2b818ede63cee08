// Edits of files that are there: read, changed as a text, written whole with the owner and permissions that they had.
import { readFile, stat } from 'node:fs/promises'
import { stampOf } from '../../files/hashes.ts'
import { copyAside } from './backup.ts'
import { isTextual } from './diff.ts'
import { followLinks, statOf } from './paths.ts'
import { failure } from './result.ts'
import { newFileMode, writeAside } from './write.ts'

export interface Edited {
  /** Where it lies, links followed. */
  path: string
  /** Equal as long as the file is; undefined where there was none. */
  stamp?: string
}

export interface Editable extends Edited {
  text: string
}

/** Bytes of a file that is held in memory as a whole. */
const LARGEST = 64 * 1024 * 1024

/** Undefined: there is no such file. Throws a failure on what is no text. */
export async function readEditable(name: string, binary: string): Promise<Editable | undefined> {
  const there = await statOf(name)
  if (!there) return undefined
  if (!there.isFile()) throw failure(`${name}: not a regular file`)
  if (there.size > LARGEST) throw failure(`${name} has ${there.size} bytes; files of at most ${LARGEST} are edited`)
  const path = await followLinks(name)
  const stamp = await stampAt(path)
  const bytes = await readFile(path)
  if (!isTextual(bytes)) throw failure(`${binary}: ${name}`)
  return { path, text: bytes.toString(), ...(stamp === undefined ? {} : { stamp }) }
}

/** `backup`: what the name of a copy of it as it was ends in. Throws a failure where somebody else has changed it meanwhile. */
export async function writeEdited({ path, stamp }: Edited, text: string, backup?: string): Promise<void> {
  const there = await statOf(path)
  const aside = await writeAside(
    path,
    { text },
    there
      ? { user: there.uid, uid: there.uid, group: there.gid, gid: there.gid, mode: there.mode & 0o7777 }
      : { mode: newFileMode() },
  )
  try {
    // What another has written since it was read would be lost.
    if ((await stampAt(path)) !== stamp)
      throw failure(`${path} was changed by another while it was edited, so it was left alone; run the state again`)
    if (backup && there) await copyAside(path, `${path}${backup}`)
    await aside.commit()
  } catch (error) {
    await aside.drop()
    throw error
  }
}

/** Without their ends; an empty text has none. */
export const linesOf = (text: string): string[] => {
  const lines = text.split(/\r\n|\n|\r/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

/** Undefined: there is nothing. */
async function stampAt(path: string): Promise<string | undefined> {
  try {
    return stampOf(await stat(path, { bigint: true }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}
