// Hashes of files, computed once as long as the file is the same: its place on the disk, size and times are looked at on each
// ask, so that no change is missed, watched or not.
import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { ReactorError } from '../base/errors.ts'
import { createTurns } from '../base/turns.ts'
import type { FileHash } from '../functions/minion-data.ts'

export interface Hashed extends FileHash {
  /** Equal as long as the file is. */
  stamp: string
}

export interface Hashes {
  /** `what` names the file in errors. Throws `unreadable` where it does not keep still for long enough to be read. */
  of(file: FileHandle, what: string): Promise<Hashed>
}

const MOST_KNOWN = 10_000
const AT_ONCE = 2
const TRIES = 3
const CHUNK = 256 * 1024
/** File systems tell times in steps: of a file that has changed this lately, a further change may leave the times as they are. */
const SETTLED_MS = 100

export const stampOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string =>
  `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`

export function createHashes(most = MOST_KNOWN): Hashes {
  /** By stamp, the longest unused first. */
  const known = new Map<string, string>()
  const inHand = new Map<string, Promise<string | undefined>>()
  const turns = createTurns(AT_ONCE)

  const keep = (stamp: string, hsum: string) => {
    known.delete(stamp)
    known.set(stamp, hsum)
    if (known.size > most) known.delete(known.keys().next().value!)
  }

  /** Undefined: it has changed meanwhile. */
  const compute = async (file: FileHandle, stat: BigIntStats, stamp: string) => {
    const hsum = await hashOf(file)
    if (stampOf(await file.stat({ bigint: true })) !== stamp) return undefined
    if (Date.now() - Number(stat.ctimeMs) > SETTLED_MS) keep(stamp, hsum)
    return hsum
  }

  return {
    async of(file, what) {
      for (let tries = 0; tries < TRIES; tries++) {
        const stat = await file.stat({ bigint: true })
        const stamp = stampOf(stat)
        let hsum = known.get(stamp)
        if (hsum !== undefined) keep(stamp, hsum)
        else {
          let work = inHand.get(stamp)
          if (!work) {
            work = turns(() => compute(file, stat, stamp)).finally(() => inHand.delete(stamp))
            inHand.set(stamp, work)
          }
          hsum = await work
        }
        if (hsum !== undefined)
          return { hash_type: 'sha256', hsum, size: Number(stat.size), mode: Number(stat.mode & 0o7777n), stamp }
      }
      throw new ReactorError('unreadable', `${what} is written to again and again while it is read; try again`)
    },
  }
}

async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK, at)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(chunk.subarray(0, bytesRead))
    at += bytesRead
  }
}
