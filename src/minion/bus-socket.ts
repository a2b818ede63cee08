// Where the socket of a minion's bus lies, and how a server gets there: in the minion's folder, for its own user alone.
import { constants } from 'node:fs'
import { lstat, open, rm } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import { ReactorError } from '../base/errors.ts'
import { ignoreMissing } from '../base/missing.ts'

const NAME = 'bus.sock'
/** Bytes that the system takes. */
const LONGEST = process.platform === 'linux' ? 107 : 103

export interface SocketPlace {
  /** What to give to `listen` and `connect`, until it is released. */
  path: string
  release(): Promise<void>
}

export const busSocketOf = (dir: string): string => join(resolve(dir), NAME)

/** Throws `unwritable` where the path is longer than the system takes, or the system's error. */
export async function socketPlace(dir: string): Promise<SocketPlace> {
  const path = busSocketOf(dir)
  const bytes = Buffer.byteLength(path)
  if (bytes <= LONGEST) return { path, release: async () => undefined }
  if (process.platform !== 'linux')
    throw new ReactorError(
      'unwritable',
      `${path} has ${bytes} bytes, and a socket's path ${LONGEST} at most: give the minion a folder with a shorter path (minion.dir)`,
    )
  // By the folder itself, whatever the length of its path.
  const folder = await open(resolve(dir), constants.O_RDONLY | constants.O_DIRECTORY)
  return { path: `/proc/self/fd/${folder.fd}/${NAME}`, release: () => folder.close() }
}

/** Has it listen in the folder; what a minion left there that is gone makes way. Throws `unwritable`, or the system's error. */
export async function listenIn(dir: string, server: Server): Promise<{ close(): Promise<void> }> {
  const place = await socketPlace(dir)
  try {
    await makeWay(busSocketOf(dir), place.path)
    await listening(server, place.path)
  } catch (error) {
    await place.release()
    throw error
  }
  return {
    async close() {
      await new Promise(closed => server.close(closed))
      await place.release()
    },
  }
}

async function makeWay(file: string, path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing)
  if (!found) return
  if (!found.isSocket())
    throw new ReactorError('unwritable', `${file} is no socket: remove it, and the bus of this minion listens there`)
  if (await answers(path)) throw new ReactorError('unwritable', `another process listens on ${file}`)
  await rm(path, { force: true })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    // The file is made before `listen` comes back: nobody else can ever have connected.
    const before = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(before)
    }
  })
}
