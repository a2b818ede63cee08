// A map that survives its process: an append-only file of JSON lines, read at open, written by one writer in the order of
// the calls, with one write for all calls of a turn. It holds against kill -9; only a compaction is synced.
import { appendFile, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type AppendFile, openAppendFile } from './append-file.ts'
import { errorMessage, ReactorError } from './errors.ts'
import { lockFile } from './file-lock.ts'
import { makeFolder } from './folder.ts'
import { isObject } from './json.ts'
import type { Log } from './log.ts'
import { ignoreMissing } from './missing.ts'

export interface DurableMap<V> {
  /** What is in the file, in the order in which the keys first came. */
  readonly values: ReadonlyMap<string, V>
  /** In the file when it resolves, and in `values` from then on. Throws `unwritable`, or `stopped` after it was closed; nothing has changed then. */
  put(key: string, value: V): Promise<void>
  /** As `put`. */
  delete(key: string): Promise<void>
  /** Waits for what is being written. */
  close(): Promise<void>
}

export interface DurableMapOptions<V> {
  /** Gives a value of the file its type. Throws where it is malformed. */
  read(value: unknown): V
  log: Log
}

interface Change<V> {
  key: string
  /** Undefined: it is deleted. */
  value: V | undefined
  text: string
  resolve(): void
  reject(error: unknown): void
}

/** A file is not compacted for less. */
const MIN_DEAD_BYTES = 256 * 1024

/**
 * A line is `{"k":key,"v":value}`, without `v` where the key is deleted; one that is none goes to `<file>.bad`. Throws
 * `unwritable` where the file cannot be written or another process has it.
 */
export async function openDurableMap<V>(file: string, { read, log }: DurableMapOptions<V>): Promise<DurableMap<V>> {
  const values = new Map<string, V>()
  const lengths = new Map<string, number>()
  let live = 0
  let waiting: Change<V>[] = []
  let writing: Promise<void> | undefined
  let closed = false
  /** After a compaction that failed, the size at which it is tried again. */
  let compactFrom = 0

  const apply = (key: string, value: V | undefined, length: number) => {
    live -= lengths.get(key) ?? 0
    if (value === undefined) {
      values.delete(key)
      lengths.delete(key)
      return
    }
    values.set(key, value)
    lengths.set(key, length)
    live += length
  }
  const unwritable = (error: unknown) =>
    error instanceof ReactorError
      ? error
      : new ReactorError('unwritable', `${file} cannot be written: ${errorMessage(error)}`, {}, error)

  let unlock: () => void = () => undefined
  let lines: AppendFile
  try {
    await makeFolder(dirname(file))
    unlock = lockFile(file)
    const malformed = replay(await contentOf(file), read, apply)
    lines = await openAppendFile(file)
    if (malformed.length > 0) await setAside(malformed)
  } catch (error) {
    unlock()
    throw unwritable(error)
  }

  async function setAside(malformed: readonly string[]): Promise<void> {
    log.error({ file: `${file}.bad`, lines: malformed.length }, 'malformed lines of a file are set aside')
    try {
      await appendFile(`${file}.bad`, `${malformed.join('\n')}\n`, { mode: 0o600 })
      await lines.replace(currentLines())
    } catch (error) {
      log.error({ file, error: errorMessage(error) }, 'they stay in the file: it cannot be written anew')
    }
  }

  function* currentLines(): Iterable<string> {
    for (const [key, value] of values) yield lineOf(key, value)
  }

  const compactIfDue = async () => {
    if (lines.size() - live <= Math.max(live, MIN_DEAD_BYTES) || lines.size() < compactFrom) return
    try {
      await lines.replace(currentLines())
      compactFrom = 0
    } catch (error) {
      compactFrom = lines.size() + MIN_DEAD_BYTES
      log.warn({ file, error: errorMessage(error) }, 'a file cannot be compacted; it goes on growing')
    }
  }

  const write = async (changes: readonly Change<V>[]) => {
    try {
      await lines.append(changes.map(({ text }) => text).join(''))
    } catch (error) {
      for (const { reject } of changes) reject(unwritable(error))
      return
    }
    for (const { key, value, text, resolve } of changes) {
      apply(key, value, Buffer.byteLength(text))
      resolve()
    }
    await compactIfDue()
  }

  const drain = async () => {
    while (waiting.length > 0) {
      // Whatever else this turn brings goes along.
      await new Promise(resolve => setImmediate(resolve))
      const changes = waiting
      waiting = []
      await write(changes)
    }
    writing = undefined
  }

  const change = (key: string, value: V | undefined): Promise<void> => {
    if (closed) return Promise.reject(new ReactorError('stopped', `${file} is closed: the process is being stopped`))
    return new Promise((resolve, reject) => {
      waiting.push({ key, value, text: lineOf(key, value), resolve, reject })
      writing ??= drain()
    })
  }

  await compactIfDue()
  return {
    values,
    put: change,
    delete: key => change(key, undefined),
    async close() {
      if (closed) return
      closed = true
      await writing
      await lines.close()
      unlock()
    },
  }
}

/** What is in the file now, for a process beside its writer; a line that is malformed, or on its way, is passed over. */
export async function readDurableMap<V>(file: string, read: (value: unknown) => V): Promise<ReadonlyMap<string, V>> {
  const values = new Map<string, V>()
  replay(await contentOf(file), read, (key, value) => {
    if (value === undefined) values.delete(key)
    else values.set(key, value)
  })
  return values
}

/** The line break comes first, so that a line which was cut short does not swallow the next one. */
const lineOf = (key: string, value: unknown): string => `\n${JSON.stringify({ k: key, v: value })}`

/** Gives every line to `apply`, and back those that are malformed. */
function replay<V>(
  content: Buffer,
  read: (value: unknown) => V,
  apply: (key: string, value: V | undefined, length: number) => void,
): string[] {
  const malformed: string[] = []
  for (let from = 0; from < content.length; ) {
    const end = content.indexOf(0x0a, from)
    const to = end < 0 ? content.length : end
    const text = content.toString('utf8', from, to)
    try {
      if (text !== '') {
        const line: unknown = JSON.parse(text)
        if (!isObject(line) || typeof line.k !== 'string') throw new Error('it is no line of ours')
        apply(line.k, line.v === undefined ? undefined : read(line.v), to - from + 1)
      }
    } catch {
      malformed.push(text)
    }
    from = to + 1
  }
  return malformed
}

const contentOf = async (file: string): Promise<Buffer> =>
  (await readFile(file).catch(ignoreMissing)) ?? Buffer.alloc(0)
