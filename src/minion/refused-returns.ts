// Returns that never went to their store, with the reason, in a file of the minion: the last ones, for a person to look at and
// put back. The job cache has them all the same.
import { existsSync } from 'node:fs'
import { type DurableMap, openDurableMap } from '../base/durable-map.ts'
import { ReactorError } from '../base/errors.ts'
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
  /** What is there, the oldest first. Throws `unwritable`. */
  all(): Promise<ReadonlyMap<string, RefusedReturn>>
  /** Throws `unwritable`. */
  remove(key: string): Promise<void>
  close(): Promise<void>
}

/** The oldest give way. */
const MOST = 1000
const MOST_BYTES = 16 * 1024 * 1024

/** The file is opened at the first refusal, or where it is there and somebody asks. */
export function createRefusedReturns(file: string, log: Log): RefusedReturns {
  let opening: Promise<DurableMap<RefusedReturn>> | undefined
  let closed = false
  const sizes = new Map<string, number>()
  let bytes = 0
  let last: Promise<unknown> = Promise.resolve()

  const open = (): Promise<DurableMap<RefusedReturn>> => {
    if (closed) throw new ReactorError('stopped', `${file} is closed: the process is being stopped`)
    opening ??= openDurableMap(file, { read: readRefused, log }).then(
      map => {
        for (const [key, value] of map.values) count(key, value)
        return map
      },
      error => {
        opening = undefined
        throw error
      },
    )
    return opening
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
      await (await open()).put(key, refused)
      written = true
    }, log)
    if (!written) return false
    count(key, refused)
    for (const oldest of [...sizes.keys()]) {
      if (sizes.size <= MOST && (bytes <= MOST_BYTES || sizes.size === 1)) break
      count(oldest, undefined)
      await untilWritten(async () => (await open()).delete(oldest), log)
    }
    return true
  }

  return {
    park(key, refused) {
      // One after another: on a full disk one of them says so, and not each.
      const parked = last.then(() => put(key, refused))
      last = parked
      return parked
    },
    async all() {
      if (!opening && !existsSync(file)) return new Map()
      return (await open()).values
    },
    async remove(key) {
      await (await open()).delete(key)
      count(key, undefined)
    },
    async close() {
      closed = true
      await last
      await (await opening?.catch(() => undefined))?.close()
    },
  }
}

function readRefused(value: unknown): RefusedReturn {
  const undelivered = readUndelivered(value)
  if (!isObject(value) || typeof value.reason !== 'string' || typeof value.at !== 'number')
    throw new Error('expected {to, returned, reason, at}')
  return { ...undelivered, reason: value.reason, at: value.at }
}
