// Lines of syslog over the network: a datagram each (RFC 5426), or on one TCP connection with the length before each (RFC 6587).
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { connect, type Socket } from 'node:net'
import { errorMessage, ReactorError } from '../base/errors.ts'

interface Place {
  host: string
  port: number
}

/** Throws `unreachable` where this machine cannot send; whether anybody listens is not known. */
export async function sendUdp({ host, port }: Place, lines: readonly Buffer[], signal: AbortSignal): Promise<void> {
  try {
    const { address, family } = await lookup(host)
    signal.throwIfAborted()
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
    const failed = new Promise<never>((_, reject) => {
      socket.once('error', reject)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
    const send = (line: Buffer) =>
      new Promise<void>((resolve, reject) => {
        socket.send(line, port, address, error => (error ? reject(error) : resolve()))
      })
    try {
      for (const line of lines) await Promise.race([failed, send(line)])
    } finally {
      socket.close()
    }
  } catch (error) {
    throw unreachable('udp', { host, port }, error)
  }
}

export interface TcpLines {
  /** Resolves once the lines have been handed to the connection. Throws `unreachable`. */
  send(lines: readonly Buffer[], signal: AbortSignal): Promise<void>
  /** Resolves once the connection has ended, which does not wait for the other side. */
  close(): Promise<void>
}

interface Connection {
  socket: Socket
  /** Rejects where it cannot be made. */
  made: Promise<void>
}

/** Connects at the first use, and anew after the connection has ended. */
export function createTcp(place: Place): TcpLines {
  let current: Connection | undefined

  const open = (): Connection => {
    const socket = connect(place)
    const made = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.on('error', reject)
      socket.once('close', () => reject(new Error('the connection was closed')))
    })
    // Nothing is to be read, but without reading its end is not seen.
    socket.resume()
    return { socket, made }
  }

  return {
    async send(lines, signal) {
      if (!current?.socket.writable) current = open()
      const { socket, made } = current
      // A connection that has not taken it in time is not trusted with what follows.
      const end = () => socket.destroy()
      signal.addEventListener('abort', end)
      try {
        await made
        const frames = Buffer.concat(lines.flatMap(line => [Buffer.from(`${line.length} `), line]))
        await new Promise<void>((resolve, reject) => {
          socket.write(frames, error => (error ? reject(error) : resolve()))
        })
      } catch (error) {
        throw unreachable('tcp', place, error)
      } finally {
        signal.removeEventListener('abort', end)
      }
    },
    async close() {
      const socket = current?.socket
      current = undefined
      if (!socket || socket.closed) return
      const closed = new Promise(resolve => socket.once('close', resolve))
      socket.destroySoon()
      await closed
    },
  }
}

const unreachable = (by: string, { host, port }: Place, error: unknown): ReactorError =>
  new ReactorError('unreachable', `syslog at ${by}://${host}:${port} cannot be reached: ${errorMessage(error)}`)
