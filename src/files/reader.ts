// Reading files of file_roots in chunks, for many that read the same at once: one open file and one read of the disk for all
// of them. A chunk is of the file with the hash that was asked for, or it is not given.
import type { FileHandle } from 'node:fs/promises'
import { ReactorError } from '../base/errors.ts'
import { type Hashes, stampOf } from './hashes.ts'
import type { ReadRequest } from './protocol.ts'
import type { Roots } from './roots.ts'

export interface Reader {
  /** Undefined: the file has this hash no more. Throws `bad_argument` on an offset behind its end. */
  read(request: ReadRequest): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

interface Opened {
  file: FileHandle
  hsum: string
  stamp: string
  size: number
}

const MOST_OPEN = 32
const MOST_CHUNK_BYTES = 32 * 1024 * 1024
/** What keeping a chunk costs besides: who reads byte by byte must not fill the memory with it. */
const CHUNK_COST = 4096
const IDLE_MS = 10_000

export function createReader(roots: Roots, hashes: Hashes): Reader {
  /** By path and hash, the longest unused first. */
  const opened = new Map<string, Promise<Opened | undefined>>()
  /** By file and place, the longest unused first. */
  const chunks = new Map<string, Promise<Uint8Array | undefined>>()
  let bytes = 0
  let idle: NodeJS.Timeout | undefined

  const open = async ({ path, saltenv, hsum }: ReadRequest): Promise<Opened | undefined> => {
    const found = await roots.open(path, saltenv)
    if (!found) return undefined
    try {
      const hashed = await hashes.of(found.file, path)
      if (hashed.hsum === hsum) return { file: found.file, ...hashed }
    } catch (error) {
      await found.file.close()
      throw error
    }
    await found.file.close()
    return undefined
  }

  const shut = async (key: string) => {
    const held = opened.get(key)
    opened.delete(key)
    // Those who read from it are waited for by the close itself.
    await held?.then(one => one?.file.close()).catch(() => undefined)
  }
  const shutIdle = () => {
    for (const key of [...opened.keys()]) void shut(key)
    chunks.clear()
    bytes = 0
  }

  const openedOf = (key: string, request: ReadRequest) => {
    const held = opened.get(key) ?? open(request)
    opened.delete(key)
    opened.set(key, held)
    held.then(
      one => {
        if (!one && opened.get(key) === held) opened.delete(key)
      },
      () => opened.get(key) === held && opened.delete(key),
    )
    if (opened.size > MOST_OPEN) void shut(opened.keys().next().value!)
    clearTimeout(idle)
    idle = setTimeout(shutIdle, IDLE_MS).unref()
    return held
  }

  const chunkOf = (one: Opened, offset: number, length: number): Promise<Uint8Array | undefined> => {
    const { hsum, stamp } = one
    const key = `${hsum} ${stamp} ${offset} ${length}`
    const held = chunks.get(key)
    if (held) return held
    const chunk = readAsHashed(one, offset, length)
    chunks.set(key, chunk)
    bytes += length + CHUNK_COST
    const drop = (name: string) => {
      if (chunks.delete(name)) bytes -= Number(name.slice(name.lastIndexOf(' ') + 1)) + CHUNK_COST
    }
    chunk.then(
      read => read ?? drop(key),
      () => drop(key),
    )
    while (bytes > MOST_CHUNK_BYTES && chunks.size > 1) drop(chunks.keys().next().value!)
    return chunk
  }

  const read = async (request: ReadRequest): Promise<Uint8Array | undefined> => {
    const key = `${request.saltenv}\0${request.path}\0${request.hsum}`
    const one = await openedOf(key, request)
    if (!one) return undefined
    if (request.offset >= one.size)
      throw new ReactorError(
        'bad_argument',
        `the file ${request.path} has ${one.size} bytes, none at ${request.offset}`,
      )
    const length = Math.min(request.length, one.size - request.offset)
    const chunk = await chunkOf(one, request.offset, length)
    if (chunk) return chunk
    await shut(key)
    return undefined
  }

  return {
    // Others may have taken the place of its open file meanwhile.
    read: request => read(request).catch(error => (isClosed(error) ? read(request) : Promise.reject(error))),
    async close() {
      clearTimeout(idle)
      await Promise.all([...opened.keys()].map(shut))
      chunks.clear()
    },
  }
}

/** Undefined: the file has changed since it was hashed. */
async function readAsHashed({ file, stamp }: Opened, offset: number, length: number): Promise<Uint8Array | undefined> {
  const chunk = await readWhole(file, offset, length)
  // Behind the read: what was read before a change is of the file as it was.
  const same = chunk.length === length && stampOf(await file.stat({ bigint: true })) === stamp
  return same ? chunk : undefined
}

/** Less than `length` where the file has become shorter. */
async function readWhole(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const chunk = Buffer.allocUnsafeSlow(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(chunk, at, length - at, offset + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return chunk.subarray(0, at)
}

const isClosed = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EBADF'
