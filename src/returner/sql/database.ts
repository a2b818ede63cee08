// A database over the connections of a client library: one at a time, each step within the time limit, and a connection on which
// anything failed is never used again: that undoes its transaction and drops its locks.
import { formatDuration } from '../../base/duration.ts'
import { ReactorError } from '../../base/errors.ts'
import { createInHand } from '../../base/in-hand.ts'
import { createTurns } from '../../base/turns.ts'
import type { Database, Dialect, Run } from './dialect.ts'

export interface Connection {
  run: Run
  release(broken: boolean): void
}

export interface Connections {
  /** Waits for a free one. */
  take(): Promise<Connection>
  begin: string
  /** A SELECT that the server itself ends after so long; absent: it does so with every statement. */
  limited?(select: string, ms: number): string
  /** Ways to be alone: before the transaction begins, in it, and after its end. */
  alone: {
    before?(run: Run, timeoutMs: number): Promise<void>
    within?(run: Run): Promise<void>
    after?(run: Run): Promise<void>
  }
  /** Keeps out others who change the tables, until the end. */
  changing: {
    begin(run: Run, timeoutMs: number): Promise<void>
    end(run: Run): Promise<void>
  }
  close(): Promise<void>
}

/** Enough for the readers and writers of one process; the database has others to serve. */
export const MOST_CONNECTIONS = 4
/** Of them, for who reads: the others are for who writes. */
const MOST_READING = 2

export interface DatabaseParts {
  connections: Connections
  dialect: Dialect
  where: string
  /** For a connection. */
  connectMs: number
  /** For a statement. */
  timeoutMs: number
}

export function createDatabase({ connections, dialect, where, connectMs, timeoutMs }: DatabaseParts): Database {
  const inHand = createInHand(() => undefined)
  const reading = createTurns(MOST_READING)
  let closing: Promise<void> | undefined

  const session = <T>(work: (run: Run) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    if (closing) throw new ReactorError('stopped', `${where} was asked after it was closed`)
    const done = converse(work, signal)
    inHand.add(done.then(() => undefined))
    return done
  }

  async function converse<T>(work: (run: Run) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const taking = connections.take()
    const connection = await inTime(taking, connectMs, signal).catch(error => {
      // One that comes too late is for others.
      taking.then(
        late => late.release(false),
        () => undefined,
      )
      throw error
    })
    let broken = true
    try {
      const result = await work((sql, values) => inTime(connection.run(sql, values), timeoutMs, signal))
      broken = false
      return result
    } finally {
      connection.release(broken)
    }
  }

  async function inTime<T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    let giveUp: (() => void) | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `${where} did not answer within ${formatDuration(ms)}`
      timer = setTimeout(() => reject(new ReactorError('timeout', message)), ms)
      giveUp = () => reject(signal!.reason)
      signal?.addEventListener('abort', giveUp)
    })
    return Promise.race([work, late]).finally(() => {
      clearTimeout(timer)
      if (giveUp) signal?.removeEventListener('abort', giveUp)
    })
  }

  return {
    dialect,
    where,
    timeoutMs,
    run: async (sql, values) => session(run => run(sql, values)),
    read: async (sql, values, signal) => {
      const limited = connections.limited?.(sql, timeoutMs + 1000) ?? sql
      return reading(async () => session(run => run(limited, values), signal), signal)
    },
    transaction: async (work, { alone = false } = {}) =>
      session(async run => {
        const { before, within, after } = alone ? connections.alone : {}
        await before?.(run, timeoutMs)
        await run(connections.begin)
        await within?.(run)
        const result = await work(run)
        await run('COMMIT')
        await after?.(run)
        return result
      }),
    changeTables: async work =>
      session(async run => {
        await connections.changing.begin(run, timeoutMs)
        const result = await work(run)
        // Where the work failed the connection is dropped, and what it holds.
        await connections.changing.end(run)
        return result
      }),
    close() {
      closing ??= inHand.settle().then(() => inTime(connections.close(), connectMs))
      return closing
    },
  }
}
