// The connection to a Redis server: made at the first use, and anew at the next one after it broke. What is asked while there is none
// fails instead of waiting in a queue, and no use of it takes longer than it may.
import { createClient } from 'redis'
import { formatDuration } from '../../base/duration.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'

export type RedisClient = ReturnType<typeof createClient>

export interface RedisServer {
  /** Where to connect: a host and port, or the path of a socket. */
  at: { host: string; port: number } | { path: string }
  db: number
  password: string | undefined
  /** Milliseconds that one use may take, connecting included. */
  timeoutMs: number
}

export interface RedisConnection {
  /** What `work` gives. Throws `unreachable` with what the server or the connection says, `timeout`, and what else `work` throws. */
  use<T>(work: (client: RedisClient) => Promise<T>): Promise<T>
  /** Waits for what is in use. */
  close(): Promise<void>
}

export function createRedisConnection(server: RedisServer): RedisConnection {
  const where = 'path' in server.at ? server.at.path : `${server.at.host}:${server.at.port}`
  const inUse = new Set<Promise<unknown>>()
  let current: Link | undefined
  let isClosed = false

  const run = async <T>(work: (client: RedisClient) => Promise<T>): Promise<T> => {
    current ??= openLink(server, broken => {
      if (current === broken) current = undefined
    })
    const link = current
    const leave = () => {
      if (current === link) current = undefined
      link.end()
    }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // What still waits for an answer there would wait on.
        leave()
        reject(
          new ReactorError(
            'timeout',
            `the Redis server at ${where} did not answer within ${formatDuration(server.timeoutMs)}`,
          ),
        )
      }, server.timeoutMs)
    })
    try {
      return await Promise.race([link.ready.then(work), late])
    } catch (error) {
      if (error instanceof ReactorError) throw error
      const said = errorMessage(error)
      // After a failover another server may answer under the name.
      if (/\bREADONLY\b/.test(said)) leave()
      throw new ReactorError(
        'unreachable',
        `the Redis server at ${where} does not answer as it should: ${said}`,
        {},
        error,
      )
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async use(work) {
      if (isClosed) throw new ReactorError('stopped', `the connection to the Redis server at ${where} was closed`)
      const one = run(work)
      inUse.add(one)
      return one.finally(() => inUse.delete(one))
    },
    async close() {
      isClosed = true
      await Promise.allSettled(inUse)
      current?.end()
      current = undefined
    },
  }
}

interface Link {
  ready: Promise<RedisClient>
  end(): void
}

function openLink({ at, db, password, timeoutMs }: RedisServer, broke: (link: Link) => void): Link {
  const socket = { connectTimeout: timeoutMs, reconnectStrategy: false as const }
  const client = createClient({
    socket: 'path' in at ? { ...socket, path: at.path, tls: false } : { ...socket, ...at },
    database: db,
    ...(password === undefined ? {} : { password }),
    disableOfflineQueue: true,
  })
  let hasSocket = false
  let isEnded = false
  const end = () => {
    isEnded = true
    // Before it has its socket the client would connect all the same, and stay.
    if (hasSocket && client.isOpen) client.destroy()
  }
  client.on('connect', () => {
    hasSocket = true
    if (isEnded) end()
  })
  client.on('error', () => broke(link))
  const ready = client.connect()
  // Who uses it hears of it.
  ready.catch(() => undefined)
  const link: Link = { ready, end }
  return link
}
