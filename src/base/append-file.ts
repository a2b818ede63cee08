// A file of lines that is only appended to: all of a write is in it or nothing, and it can be replaced as a whole.
import { type FileHandle, open, rename, rm } from 'node:fs/promises'

export interface AppendFile {
  /** Bytes. */
  size(): number
  /** All of it is in the file when it resolves; nothing of it where it throws the system's error. */
  append(text: string): Promise<void>
  /** The file anew with these texts, on the disk itself when it resolves; as it was where it throws. */
  replace(texts: Iterable<string>): Promise<void>
  close(): Promise<void>
}

const CHUNK = 256 * 1024

export async function openAppendFile(file: string): Promise<AppendFile> {
  let handle = await open(file, 'a', 0o600)
  let size = (await handle.stat()).size
  /** What lies beyond `size` is of a write that failed. */
  let torn = false

  const cut = async () => {
    await handle.truncate(size)
    torn = false
  }
  return {
    size: () => size,
    async append(text) {
      if (torn) await cut()
      const buffer = Buffer.from(text)
      try {
        await writeAll(handle, buffer)
        size += buffer.length
      } catch (error) {
        torn = true
        await cut().catch(() => undefined)
        throw error
      }
    },
    async replace(texts) {
      const next = `${file}.new`
      await rm(next, { force: true })
      const fresh = await open(next, 'a', 0o600)
      try {
        let written = 0
        for (const chunk of chunks(texts)) {
          const buffer = Buffer.from(chunk)
          await writeAll(fresh, buffer)
          written += buffer.length
        }
        await fresh.sync()
        await rename(next, file)
        const old = handle
        handle = fresh
        size = written
        torn = false
        await old.close()
      } catch (error) {
        if (handle === fresh) throw error
        await fresh.close()
        await rm(next, { force: true })
        throw error
      }
    },
    close: () => handle.close(),
  }
}

function* chunks(texts: Iterable<string>): Iterable<string> {
  let chunk = ''
  for (const text of texts) {
    chunk += text
    if (chunk.length < CHUNK) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

/** A disk that fills up takes a part and says so only at the next attempt. */
async function writeAll(handle: FileHandle, buffer: Buffer): Promise<void> {
  for (let at = 0; at < buffer.length; ) at += (await handle.write(buffer, at, buffer.length - at, null)).bytesWritten
}
