// Records that a store will never take, beside the job cache: lines of `<cache.dir>/refused/<returner>.jsonl`, with the reason of
// each. Several cache workers of a machine append to it; what gets too long becomes `<returner>.jsonl.1`, whose like goes.
import { open, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { lockFile } from '../../base/file-lock.ts'
import { makeFolder } from '../../base/folder.ts'
import { ignoreMissing } from '../../base/missing.ts'
import { formatStamp } from '../../protocol/event.ts'

export interface RefusedRecord {
  reason: string
  record: unknown
}

export interface RefusedRecords {
  readonly file: string
  /** In the file when it resolves. Throws `unwritable`. */
  add(key: string, refused: RefusedRecord): Promise<void>
}

/** Of the file; the one before it has as many. */
const MOST_BYTES = 8 * 1024 * 1024
/** Of a record; of a larger one its key and its reason are kept. */
const LARGEST = 256 * 1024

export function refusedRecords(dir: string, name: string, mostBytes = MOST_BYTES): RefusedRecords {
  const file = join(dir, 'refused', `${name}.jsonl`)

  /** All of it in one write, which the system keeps apart from those of others. */
  const append = async (line: Buffer): Promise<number> => {
    const handle = await open(file, 'a', 0o600)
    try {
      const { bytesWritten } = await handle.write(line)
      if (bytesWritten < line.length) throw new Error(`only ${bytesWritten} of ${line.length} bytes could be written`)
      return (await handle.stat()).size
    } finally {
      await handle.close()
    }
  }
  const startAnew = async () => {
    let unlock: () => void
    try {
      unlock = lockFile(file)
    } catch (error) {
      // Another worker does it.
      if (error instanceof ReactorError) return
      throw error
    }
    try {
      // It may have done so meanwhile.
      const found = await stat(file).catch(ignoreMissing)
      if (found && found.size > mostBytes) await rename(file, `${file}.1`)
    } finally {
      unlock()
    }
  }

  return {
    file,
    async add(key, { reason, record }) {
      const text = JSON.stringify(record)
      const size = Buffer.byteLength(text)
      const kept = size <= LARGEST ? text : JSON.stringify({ _left_out: `a record of ${size} bytes` })
      const head = JSON.stringify({ at: formatStamp(Date.now()), key, reason: reason.slice(0, LARGEST) })
      try {
        await makeFolder(dirname(file))
        // The line break comes first, so that a line which was cut short does not swallow the next one.
        if ((await append(Buffer.from(`\n${head.slice(0, -1)},"record":${kept}}`))) > mostBytes) await startAnew()
      } catch (error) {
        throw new ReactorError('unwritable', `${file} cannot be written: ${errorMessage(error)}`, {}, error)
      }
    },
  }
}
