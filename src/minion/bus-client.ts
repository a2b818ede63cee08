// The minion's bus for who is not the minion: to listen to it, or to fire on it, over the socket in the minion's folder.
import { connect, type Socket } from 'node:net'
import { type Code, ERROR_CODES, errorMessage, ReactorError } from '../base/errors.ts'
import { parseForeignJson } from '../base/json.ts'
import type { LocalEvent } from '../functions/minion-bus.ts'
import { type BusMessage, type BusRequest, lineOf, readLines } from './bus-line.ts'
import { busSocketOf, socketPlace } from './bus-socket.ts'

export interface Listening {
  /** Resolves when the minion has gone, or after `stop`. */
  ended: Promise<void>
  stop(): void
}

export interface Listener {
  /** `id`: the minion's. The next comes once it has resolved. */
  event(event: LocalEvent, id: string): Promise<unknown> | undefined
  /** So many events did not come: this listener was too slow. */
  lost(count: number): void
}

/** The minion may be busy, not hung. */
const ANSWER_MS = 5000

/** Fires an event on the bus of the minion whose folder it is. Throws `unreachable`, `forbidden`, `bad_event`. */
export async function fireOnBus(dir: string, tag: string, data: Record<string, unknown>): Promise<void> {
  const socket = await reach(dir)
  try {
    const heard = messages(socket)
    await ask(dir, socket, heard, { fire: { tag, data } })
  } finally {
    socket.destroy()
  }
}

/** Every event from when it resolves on. Throws `unreachable`, `forbidden`. */
export async function listenToBus(dir: string, listener: Listener): Promise<Listening> {
  const socket = await reach(dir)
  const heard = messages(socket)
  const answer = await ask(dir, socket, heard, { listen: true }).catch(error => {
    socket.destroy()
    throw error
  })
  const id = 'listening' in answer ? answer.listening.id : ''
  const ended = (async () => {
    try {
      for await (const message of heard) {
        if ('event' in message) await listener.event(message.event, id)
        else if ('lost' in message) listener.lost(message.lost)
      }
    } finally {
      socket.destroy()
    }
  })()
  return {
    // However the connection ended: the minion is gone.
    ended: ended.catch(() => undefined),
    stop: () => void socket.destroy(),
  }
}

async function reach(dir: string): Promise<Socket> {
  try {
    const place = await socketPlace(dir)
    try {
      return await connected(place.path)
    } finally {
      await place.release()
    }
  } catch (error) {
    throw unreached(dir, error)
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      // Who reads it hears of the error too.
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

function unreached(dir: string, error: unknown): ReactorError {
  if (error instanceof ReactorError) return error
  const file = busSocketOf(dir)
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM')
    return new ReactorError('forbidden', `${file} is the minion's user's alone: run this command as that user`)
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED')
    return new ReactorError(
      'unreachable',
      `no minion runs here: nothing listens on ${file} (minion.dir of the config names its folder)`,
    )
  return new ReactorError('unreachable', `${file} cannot be reached: ${errorMessage(error)}`)
}

async function* messages(socket: Socket): AsyncGenerator<BusMessage> {
  for await (const line of readLines(socket)) yield parseForeignJson(line) as BusMessage
}

/** Throws what the minion answers to it. */
async function ask(
  dir: string,
  socket: Socket,
  heard: AsyncGenerator<BusMessage>,
  request: BusRequest,
): Promise<BusMessage> {
  let timer: NodeJS.Timeout | undefined
  const silent = new Promise<never>((_, reject) => {
    const words = `the minion does not answer on ${busSocketOf(dir)}`
    timer = setTimeout(() => reject(new ReactorError('unreachable', words)), ANSWER_MS)
  })
  const answered = (async () => {
    const next = await heard.next()
    if (next.done) throw new ReactorError('unreachable', `the minion was stopped meanwhile (${busSocketOf(dir)})`)
    const message = next.value
    if ('error' in message) throw given(message.error)
    return message
  })()
  answered.catch(() => undefined)
  socket.write(lineOf(request))
  try {
    return await Promise.race([answered, silent])
  } catch (error) {
    throw unreached(dir, error)
  } finally {
    clearTimeout(timer)
  }
}

const given = ({ code, message }: { code: string; message: string }): ReactorError =>
  new ReactorError(Object.hasOwn(ERROR_CODES, code) ? (code as Code) : 'internal', message)
