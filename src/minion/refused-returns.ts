// Returns that a store can never take, with its reason, in a file of the minion: the last ones, for a person to look at. The job
// cache has them all the same.
import { type DurableMap, openDurableMap } from '../base/durable-map.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { readUndelivered, type Undelivered } from './returner-spool.ts'
import { untilWritten } from './until-written.ts'

export interface RefusedReturn extends Undelivered {
  reason: string
  /** When it was refused, milliseconds since the epoch. */
  at: number
}

export interface RefusedReturns {
  /** Resolves once it is on disk, or cannot be because the minion stops: false. Never throws. */
  park(key: string, refused: RefusedReturn): Promise<boolean>
  close(): Promise<void>
}

/** The oldest give way. */
const MOST = 1000
const MOST_BYTES = 16 * 1024 * 1024

/** The file is opened at the first refusal. */
export function createRefusedReturns(file: string, log: Log): RefusedReturns {
  let opened: DurableMap<RefusedReturn> | undefined
  let closed = false
  const sizes = new Map<string, number>()
  let bytes = 0
  let last: Promise<unknown> = Promise.resolve()

  const open = async (): Promise<DurableMap<RefusedReturn>> => {
    const map = await openDurableMap(file, { read: readRefused, log })
    for (const [key, value] of map.values) count(key, value)
    return map
  }
  const count = (key: string, value: RefusedReturn | undefined) => {
    bytes -= sizes.get(key) ?? 0
    sizes.delete(key)
    if (value === undefined) return
    const size = Buffer.byteLength(JSON.stringify(value))
    sizes.set(key, size)
    bytes += size
  }
  const put = async (key: string, refused: RefusedReturn): Promise<boolean> => {
    let written = false
    await untilWritten(async () => {
      if (closed) return
      opened ??= await open()
      await opened.put(key, refused)
      written = true
    }, log)
    if (!written) return false
    count(key, refused)
    for (const oldest of [...sizes.keys()]) {
      if (sizes.size <= MOST && (bytes <= MOST_BYTES || sizes.size === 1)) break
      count(oldest, undefined)
      await untilWritten(async () => opened!.delete(oldest), log)
    }
    return true
  }

  return {
    park(key, refused) {
      // One after another: two must not open the file.
      const parked = last.then(() => put(key, refused))
      last = parked
      return parked
    },
    async close() {
      closed = true
      await last
      await opened?.close()
    },
  }
}

function readRefused(value: unknown): RefusedReturn {
  const undelivered = readUndelivered(value)
  if (!isObject(value) || typeof value.reason !== 'string' || typeof value.at !== 'number')
    throw new Error('expected {to, returned, reason, at}')
  return { ...undelivered, reason: value.reason, at: value.at }
}
