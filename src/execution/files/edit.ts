// Edits of files that are there: read, changed as a text, written whole with the owner and permissions that they had.
import { readFile } from 'node:fs/promises'
import { copyAside } from './backup.ts'
import { isTextual } from './diff.ts'
import { followLinks, statOf } from './paths.ts'
import { failure } from './result.ts'
import { newFileMode, writeFileWhole } from './write.ts'

export interface Editable {
  /** Where it lies, links followed. */
  path: string
  text: string
}

/** Undefined: there is no such file. Throws a failure on what is no text. */
export async function readEditable(name: string, binary: string): Promise<Editable | undefined> {
  const stat = await statOf(name)
  if (!stat) return undefined
  if (!stat.isFile()) throw failure(`${name}: not a regular file`)
  const bytes = await readFile(name)
  if (!isTextual(bytes)) throw failure(`${binary}: ${name}`)
  return { path: await followLinks(name), text: bytes.toString() }
}

/** `backup`: what the name of a copy of it as it was ends in. */
export async function writeEdited(path: string, text: string, backup?: string): Promise<void> {
  const stat = await statOf(path)
  if (backup && stat) await copyAside(path, `${path}${backup}`)
  await writeFileWhole(
    path,
    { text },
    stat
      ? { user: stat.uid, uid: stat.uid, group: stat.gid, gid: stat.gid, mode: stat.mode & 0o7777 }
      : { mode: newFileMode() },
  )
}

/** Without their ends; an empty text has none. */
export const linesOf = (text: string): string[] => {
  const lines = text.split(/\r\n|\n|\r/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}
