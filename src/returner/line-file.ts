// A file of lines to which several processes append, and which others rename or remove.
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'

export interface LineFile {
  /** All of them are in the file when it resolves, one after another; none where it throws `unwritable`. */
  append(lines: readonly string[]): Promise<void>
  /** Waits for what is being written. */
  close(): Promise<void>
}

const LINE_END = 0x0a

export function createLineFile(file: string): LineFile {
  let last: Promise<void> = Promise.resolve()
  return {
    async append(lines) {
      if (lines.length === 0) return
      const own = last.then(() => appendTo(file, lines))
      last = own.catch(() => undefined)
      await own
    },
    close: () => last,
  }
}

async function appendTo(file: string, lines: readonly string[]): Promise<void> {
  try {
    await makeFolder(dirname(file))
    const handle = await open(file, 'a+', 0o600)
    try {
      await write(handle, lines)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new ReactorError('unwritable', `cannot append to ${file}: ${errorMessage(error)}`, {}, error)
  }
}

async function write(handle: FileHandle, lines: readonly string[]): Promise<void> {
  const { size, isHalf } = await endOf(handle)
  const buffer = Buffer.from(`${isHalf ? '\n' : ''}${lines.join('\n')}\n`)
  const { bytesWritten } = await handle.write(buffer)
  if (bytesWritten === buffer.length) return
  // The system writes less than all only where there is no more room, and says why only when it is asked again.
  // Where another process has written behind it, the half line stays, and the next one ends it.
  if ((await handle.stat()).size === size + bytesWritten) await handle.truncate(size)
  throw new Error(`only ${bytesWritten} of ${buffer.length} bytes went in; is the disk full?`)
}

/** Whether half a line stands at the end: a process died. One that another is writing just now grows. */
async function endOf(handle: FileHandle): Promise<{ size: number; isHalf: boolean }> {
  const byte = Buffer.alloc(1)
  for (let before = -1; ; ) {
    const { size } = await handle.stat()
    const { bytesRead } = size > 0 ? await handle.read(byte, 0, 1, size - 1) : { bytesRead: 0 }
    const isHalf = bytesRead === 1 && byte[0] !== LINE_END
    if (!isHalf || size === before) return { size, isHalf }
    before = size
  }
}
