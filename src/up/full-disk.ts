// The private nats-server and a full disk: a stream that it could once not write it refuses until the server is started anew,
// however much room there is by then. So its log is read for that, and when the disk takes a file again the server is ended,
// for its supervisor to start it. Not before: a server that starts on a full disk may give up streams that it cannot read.
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Running } from '../base/service.ts'

export interface FullDiskParts {
  /** Of the server; it may be renamed and begun anew. */
  logFile: string
  /** Of its store. */
  dir: string
  say(line: string): void
  /** Ends the server; called once for each time that there is room again. */
  restart(): void
}

const LOOK_EVERY_MS = 1000
/** As much as the server wants to write at once, several times over. */
const ROOM_BYTES = 8 * 1024 ** 2
const MOST_READ = 256 * 1024
const REFUSED =
  /\[ERR\] .*(?:critical write error|failed to store a msg on stream).*: (no space left on device|file too large|disk quota exceeded|input\/output error)/i

/** Looks from now on, until it is stopped. */
export function watchFullDisk({ logFile, dir, say, restart }: FullDiskParts): Running {
  const stopping = new AbortController()
  let at: number | undefined
  let full = false

  /** Why the server could not write, as its log has it since the last look. */
  const refusal = async (): Promise<string | undefined> => {
    const file = await open(logFile, 'r').catch(() => undefined)
    if (!file) return undefined
    try {
      const { size } = await file.stat()
      const from = at === undefined ? size : at > size ? 0 : Math.max(at, size - MOST_READ)
      at = size
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
      return REFUSED.exec(buffer.toString('utf8', 0, bytesRead))?.[1]
    } finally {
      await file.close()
    }
  }
  const look = async () => {
    const why = await refusal()
    if (why !== undefined && !full) {
      full = true
      say(
        `nats-server cannot write its store in ${dir} (${why}): nothing is stored until there is room; it is then started again`,
      )
    }
    if (!full || !(await hasRoom(dir))) return
    full = false
    say('there is room for the store again: nats-server is started again')
    restart()
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      // A look that fails is followed by another.
      await look().catch(() => undefined)
      await delay(LOOK_EVERY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** By doing it: what a quota or another limit leaves no system call tells. */
async function hasRoom(dir: string): Promise<boolean> {
  const path = join(dir, '.room')
  try {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(Buffer.alloc(ROOM_BYTES))
      await file.sync()
      return true
    } finally {
      await file.close()
    }
  } catch {
    return false
  } finally {
    await rm(path, { force: true }).catch(() => undefined)
  }
}
