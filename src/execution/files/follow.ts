// Follows a file that others append to, as `tail -F`: by position, across rotations, a bounded amount at a time.
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { ignoreMissing } from '../../base/missing.ts'

/** Of a longer line the beginning is given. */
export const LONGEST_LINE = 16 * 1024
const CHUNK = 64 * 1024
/** Read in one call at most; the next goes on there. */
const AT_ONCE = 16 * 1024 * 1024
const NEWLINE = 0x0a

export interface FollowedFile {
  /**
   * Gives `take` the whole lines since the last call, until it says false: the next call goes on behind. Throws `unreadable` where there is no
   * file; once there is one it is read from its beginning.
   */
  lines(take: (line: string) => boolean): Promise<void>
  close(): Promise<void>
}

/** Begins at the end of the file as it is now, and at the beginning of one that is not there yet. */
export async function followFile(path: string): Promise<FollowedFile> {
  let handle: FileHandle | undefined
  let position = 0
  /** Read and not given yet: where `take` said false, and a line that has no end yet. */
  let rest: Buffer = Buffer.alloc(0)
  /** In a line whose beginning was given already. */
  let inLongLine = false

  const openIt = async (): Promise<FileHandle | undefined> => {
    let opened: FileHandle
    try {
      // Without O_NONBLOCK a pipe would be waited for.
      opened = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new ReactorError('unreadable', `${path} cannot be read: ${errorMessage(error)}`, {}, error)
    }
    if ((await opened.stat()).isFile()) return opened
    await opened.close()
    throw new ReactorError('unreadable', `${path} is no regular file: it cannot be followed`)
  }
  const begin = () => {
    position = 0
    rest = Buffer.alloc(0)
    inLongLine = false
  }
  /** At the beginning of the last line, where that has no end yet: it is told as a whole. */
  const toEnd = async (file: FileHandle) => {
    const { size } = await file.stat()
    // No more than that: it may grow meanwhile.
    const length = Math.min(size, LONGEST_LINE)
    const last = await readAt(file, size - length, length)
    const lineStart = last.lastIndexOf(NEWLINE) + 1
    inLongLine = lineStart === 0 && size > LONGEST_LINE
    position = inLongLine ? size : size - (last.length - lineStart)
  }
  /** Whether `take` wants more. */
  const give = (take: (line: string) => boolean): boolean => {
    let from = 0
    let more = true
    for (let end = rest.indexOf(NEWLINE); more && end >= 0; end = rest.indexOf(NEWLINE, from)) {
      if (!inLongLine) more = take(text(rest.subarray(from, end)))
      inLongLine = false
      from = end + 1
    }
    rest = rest.subarray(from)
    if (!more || rest.length <= LONGEST_LINE) return more
    if (!inLongLine) more = take(text(rest))
    inLongLine = true
    rest = Buffer.alloc(0)
    return more
  }
  /** Whether the file was read to its end. */
  const readOn = async (file: FileHandle, take: (line: string) => boolean, budget: { bytes: number }) => {
    if (!give(take)) return false
    while (budget.bytes > 0) {
      const chunk = await readAt(file, position, CHUNK)
      if (chunk.length === 0) {
        // Emptied and written anew, as `copytruncate` of logrotate does it.
        if ((await file.stat()).size >= position) return true
        begin()
        continue
      }
      position += chunk.length
      budget.bytes -= chunk.length
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (!give(take)) return false
    }
    return false
  }
  /** Whether another file has its name now. One that was moved away is read on until there is. */
  const isReplaced = async (file: FileHandle) => {
    const there = await stat(path, { bigint: true }).catch(ignoreMissing)
    const own = await file.stat({ bigint: true })
    return there !== undefined && (there.ino !== own.ino || there.dev !== own.dev)
  }

  handle = await openIt()
  if (handle) await toEnd(handle)
  return {
    async lines(take) {
      const budget = { bytes: AT_ONCE }
      for (;;) {
        handle ??= await openIt()
        if (!handle) throw new ReactorError('unreadable', `there is no file ${path}; it is read once there is one`)
        if (!(await readOn(handle, take, budget))) return
        if (!(await isReplaced(handle))) return
        // What was written between the last reading and the renaming.
        if (!(await readOn(handle, take, budget))) return
        const last = rest
        await handle.close()
        handle = undefined
        const wasLong = inLongLine
        begin()
        if (last.length > 0 && !wasLong && !take(text(last))) return
      }
    },
    async close() {
      await handle?.close()
      handle = undefined
    },
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

const text = (line: Buffer): string => line.subarray(0, LONGEST_LINE).toString('utf8').replace(/\r$/, '')
