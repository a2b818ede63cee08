// A text of file_roots, read into memory by who keeps no copies on disk.
import { createHash } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import type { FileSource } from './source.ts'

/** SLS files and what they import. */
const MOST_BYTES = 16 * 1024 * 1024
/** A file may be changed while it is read. */
const TRIES = 5

/** Undefined: there is no such file. Throws what the source throws, and `function_failed` where it is too large. */
export async function readText(source: FileSource, path: string, saltenv: string): Promise<string | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const found = await source.hash(path, saltenv)
    if (!found) return undefined
    if (found.size > MOST_BYTES)
      throw new ReactorError(
        'function_failed',
        `salt://${path} has ${found.size} bytes, at most ${MOST_BYTES} are read`,
      )
    const bytes = await readWhole(source, { path, saltenv, hsum: found.hsum }, found.size)
    if (bytes && createHash('sha256').update(bytes).digest('hex') === found.hsum) return bytes.toString('utf8')
  }
  throw new ReactorError('function_failed', `salt://${path} changed again and again while it was read`)
}

/** Undefined: it has another hash by now. */
async function readWhole(
  source: FileSource,
  file: { path: string; saltenv: string; hsum: string },
  size: number,
): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = []
  for (let offset = 0; offset < size; ) {
    const part = await source.read({ ...file, offset, length: source.chunkBytes() })
    if (!part) return undefined
    parts.push(part)
    offset += part.length
  }
  return Buffer.concat(parts)
}
