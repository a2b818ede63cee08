// Changed files, each until no process has it open for writing any more: only then is what stands in it whole.
import { findWriters, isWriter } from './writers.ts'

export interface ChangedFile {
  folder: string
  path: string
  /** As `fileId` has it. */
  id: string
}

export interface Unclosed {
  add(file: ChangedFile): void
  /** It is there no more. */
  drop(path: string): void
  /** Those that have been closed, and are not asked after again; `unseen`: processes of which it is not known what they write. */
  closed(): Promise<{ files: ChangedFile[]; unseen: number }>
}

export function createUnclosed(): Unclosed {
  const waiting = new Map<string, ChangedFile & { writer?: string }>()
  return {
    add(file) {
      waiting.set(file.path, { ...waiting.get(file.path), ...file })
    },
    drop: path => void waiting.delete(path),
    async closed() {
      const asked: ChangedFile[] = []
      // One who writes for long is looked at alone: looking through all processes costs much.
      for (const file of waiting.values())
        if (file.writer === undefined || !(await isWriter(file.writer, file.id))) asked.push(file)
      if (asked.length === 0) return { files: [], unseen: 0 }
      const { writers, unseen } = await findWriters(asked)
      const files: ChangedFile[] = []
      for (const file of asked) {
        const writer = writers.get(file.id)
        if (writer !== undefined) waiting.set(file.path, { ...file, writer })
        else if (waiting.delete(file.path)) files.push(file)
      }
      return { files, unseen }
    },
  }
}
