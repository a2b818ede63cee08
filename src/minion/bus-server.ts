// The minion's bus for other processes of its machine: a socket in the minion's folder.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { asReactorError, errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { HeardMinionBus } from '../functions/minion-bus.ts'
import { type BusMessage, eventLine, lineOf, readLines, readRequest } from './bus-line.ts'
import { listenIn } from './bus-socket.ts'

export interface BusServerParts {
  dir: string
  id: string
  bus: HeardMinionBus
  log: Log
}

const MOST_CLIENTS = 32
/** Bytes that wait for one who listens; what comes on top is lost to it, and it is told. */
const MOST_WAITING = 4 * 1024 * 1024

/** For who does not take what is left to say. */
const LINGER_MS = 5000

/** Serves it. Where there can be no socket that is logged, and the minion does without. */
export async function serveMinionBus({ dir, id, bus, log }: BusServerParts): Promise<Running> {
  const clients = new Set<Socket>()
  const hearing = new Set<(line: Buffer) => void>()
  let unfollow: (() => void) | undefined

  const hear = (tell: (line: Buffer) => void): (() => void) => {
    hearing.add(tell)
    unfollow ??= bus.follow(event => {
      const line = eventLine(event)
      for (const tell of [...hearing]) tell(line)
    })
    return () => {
      hearing.delete(tell)
      if (hearing.size > 0) return
      unfollow?.()
      unfollow = undefined
    }
  }

  const serveClient = async (socket: Socket): Promise<void> => {
    let unhear: (() => void) | undefined
    const answer = async (line: string): Promise<BusMessage> => {
      try {
        const request = readRequest(line)
        if ('listen' in request) return { listening: { id } }
        await bus.fire(request.fire.tag, request.fire.data)
        return { fired: request.fire.tag }
      } catch (error) {
        return refusal(error)
      }
    }
    try {
      for await (const line of readLines(socket.iterator({ destroyOnReturn: false }))) {
        const message = await answer(line)
        const taken = socket.write(lineOf(message))
        if ('listening' in message) unhear ??= hear(bounded(socket))
        // Who does not read the answers is not read either.
        if (!taken) await drained(socket)
        if (socket.destroyed) return
      }
    } catch (error) {
      if (!socket.destroyed) socket.write(lineOf(refusal(error)))
    } finally {
      unhear?.()
      socket.end(() => socket.destroy())
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    }
  }

  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', error => log.debug({ error: errorMessage(error) }, 'a client of the minion bus is gone'))
    if (clients.size >= MOST_CLIENTS) {
      const message = `the bus of this minion has ${MOST_CLIENTS} clients already`
      socket.end(lineOf({ error: { code: 'forbidden', message } }), () => socket.destroy())
      return
    }
    clients.add(socket)
    socket.once('close', () => clients.delete(socket))
    void serveClient(socket)
  })

  try {
    const listening = await listenIn(dir, server)
    server.on('error', error => log.warn({ error: errorMessage(error) }, 'the socket of the minion bus failed'))
    return {
      async stop() {
        const closed = listening.close()
        for (const client of clients) client.destroy()
        await closed
      },
    }
  } catch (error) {
    log.warn(
      { dir, error: errorMessage(error) },
      "the minion's bus has no socket: 'reactor tail --node minion' and 'reactor local event.fire' do not reach it",
    )
    return { stop: async () => undefined }
  }
}

/** Gives lines to a client for as long as it takes them. */
function bounded(socket: Socket): (line: Buffer) => void {
  let lost = 0
  socket.on('drain', () => {
    if (lost === 0 || socket.destroyed) return
    socket.write(lineOf({ lost }))
    lost = 0
  })
  return line => {
    if (socket.destroyed || socket.writableEnded) return
    if (lost > 0 || socket.writableLength + line.length > MOST_WAITING) lost++
    else socket.write(line)
  }
}

const refusal = (thrown: unknown): BusMessage => {
  const { code, message } = asReactorError(thrown)
  return { error: { code, message } }
}

async function drained(socket: Socket): Promise<void> {
  const over = new AbortController()
  const { signal } = over
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => undefined)
  // Whoever never reads all waits again and again: no listener may stay behind.
  over.abort()
}
