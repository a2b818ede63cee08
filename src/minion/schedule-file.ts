// What a minion keeps of its schedule over restarts: how far each entry has come, and what people have changed by calls.
import { type DurableMap, openDurableMap } from '../base/durable-map.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Change } from '../schedule/book.ts'
import type { Kept } from '../schedule/timetable.ts'

/** One line, under `kept/<name>` or `change/<name>`. */
export type ScheduleLine = { kept: Kept } | { change: Change }

export interface ScheduleFile {
  /** By the names of entries, as they are on disk. */
  readonly kept: ReadonlyMap<string, Kept>
  readonly changes: ReadonlyMap<string, Change>
  /** On disk when it resolves; undefined: forgotten. Throws `unwritable`, `stopped`. */
  keep(name: string, kept: Kept | undefined): Promise<void>
  keepChange(name: string, change: Change | undefined): Promise<void>
  close(): Promise<void>
}

/** Throws `unwritable`. */
export async function openScheduleFile(path: string, log: Log): Promise<ScheduleFile> {
  const file = await openDurableMap<ScheduleLine>(path, { read: readLine, log })
  const kept = new Map<string, Kept>()
  const changes = new Map<string, Change>()
  for (const [key, line] of file.values) {
    const name = key.slice(key.indexOf('/') + 1)
    if ('kept' in line) kept.set(name, line.kept)
    else changes.set(name, line.change)
  }
  const put = async <V>(
    map: Map<string, V>,
    key: string,
    name: string,
    value: V | undefined,
    line: ScheduleLine | undefined,
  ) => {
    await writeLine(file, key, line)
    if (value === undefined) map.delete(name)
    else map.set(name, value)
  }
  return {
    kept,
    changes,
    keep: (name, value) => put(kept, `kept/${name}`, name, value, value && { kept: value }),
    keepChange: (name, value) => put(changes, `change/${name}`, name, value, value && { change: value }),
    close: () => file.close(),
  }
}

function writeLine(file: DurableMap<ScheduleLine>, key: string, line: ScheduleLine | undefined): Promise<void> {
  if (line) return file.put(key, line)
  return file.values.has(key) ? file.delete(key) : Promise.resolve()
}

function readLine(value: unknown): ScheduleLine {
  if (isObject(value) && isKept(value.kept)) return { kept: value.kept }
  // What is wrong with its entry is said where the entry is read.
  if (isObject(value) && isObject(value.change)) return { change: value.change as Change }
  throw new Error('expected {kept} or {change}')
}

const isTimes = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isFinite)

const isKept = (value: unknown): value is Kept =>
  isObject(value) &&
  typeof value.timesKey === 'string' &&
  Number.isFinite(value.since) &&
  Number.isFinite(value.last) &&
  isTimes(value.extra) &&
  isTimes(value.skip) &&
  isTimes(value.running)
