// A database file that stays open for as long as its process runs: one that was moved or removed meanwhile would take records
// that nobody ever sees, so an empty one takes its place.
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from './folder.ts'
import type { Log } from './log.ts'
import type { Sqlite } from './sqlite.ts'

export interface KeptFile<T> {
  /** What was opened, of the file that is there now. Throws what opening throws. */
  current(): T
  /** Changes with the file. */
  inode(): number | undefined
  close(): void
}

/** Makes the file's folder. `what`: names the file in the log. */
export async function openKeptFile<T extends { db: Sqlite }>(
  file: string,
  open: () => T,
  { what, log }: { what: string; log: Log },
): Promise<KeptFile<T>> {
  await makeFolder(dirname(file))
  const find = () => statSync(file, { throwIfNoEntry: false })?.ino
  let opened = open()
  let inode = find()
  let closed = false
  return {
    current() {
      if (closed || find() === inode) return opened
      log.warn({ file }, `${what} was moved or removed while it was open: an empty one takes its place`)
      opened.db.close()
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      opened = open()
      inode = find()
      return opened
    },
    inode: () => inode,
    close() {
      closed = true
      opened.db.close()
    },
  }
}
