// One file from its source into an open file of this machine, chunk by chunk, with several requests on their way at once.
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { ReactorError } from '../base/errors.ts'
import type { ReadRequest } from './protocol.ts'
import { formatSaltUrl } from './salt-url.ts'
import type { FileSource } from './source.ts'

/** Requests of one file that are on their way at once. */
export const AHEAD = 4

export type Wanted = Pick<ReadRequest, 'path' | 'saltenv' | 'hsum'> & { size: number }

/** The sha256 of what was written; undefined: the file has changed at its source. Throws what the source throws, and of the disk. */
export async function download(
  source: FileSource,
  { path, saltenv, hsum, size }: Wanted,
  file: FileHandle,
): Promise<string | undefined> {
  const most = source.chunkBytes()
  const hash = createHash('sha256')
  const coming: { length: number; bytes: Promise<Uint8Array | undefined> }[] = []
  let next = 0
  const askOn = () => {
    while (coming.length < AHEAD && next < size) {
      const length = Math.min(most, size - next)
      const bytes = source.read({ path, saltenv, hsum, offset: next, length })
      // It is awaited in its turn: until then a failure is nobody's.
      bytes.catch(() => undefined)
      coming.push({ length, bytes })
      next += length
    }
  }
  askOn()
  let at = 0
  for (let chunk = coming.shift(); chunk; chunk = coming.shift()) {
    const bytes = await chunk.bytes
    if (!bytes) return undefined
    if (bytes.length !== chunk.length)
      throw new ReactorError(
        'damaged_payload',
        `${formatSaltUrl(path)}: ${bytes.length} bytes came for the ${chunk.length} at ${at}`,
      )
    askOn()
    const written = writeAll(file, bytes, at)
    hash.update(bytes)
    await written
    at += bytes.length
  }
  return hash.digest('hex')
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
}
