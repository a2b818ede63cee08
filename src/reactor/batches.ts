// Items of one turn of the event loop sent together, as one message: under load one ack settles hundreds, and alone an item
// goes out as soon as the turn is over.
import { ReactorError } from '../base/errors.ts'

export interface BatchLimits {
  items: number
  bytes: number
}

export interface Batches<T> {
  /** Resolves once the message that holds it is stored; rejects with what kept it from that. */
  add(item: T, bytes: number): Promise<void>
  /** The same for the hot path, where a promise for each item would cost more than its share of the message. */
  put(item: T, bytes: number, settled: Settled): void
}

/** `undefined`: it is stored. Must not throw. */
export type Settled = (error: unknown) => void

interface Open<T> {
  items: T[]
  settled: Settled[]
  bytes: number
}

/** `send` stores one message. One that is refused as too large (`bad_event`) is sent again in halves, down to single items. */
export function createBatches<T>(limits: BatchLimits, send: (items: readonly T[]) => Promise<unknown>): Batches<T> {
  let open: Open<T> = { items: [], settled: [], bytes: 0 }
  let turn: NodeJS.Immediate | undefined

  const flush = () => {
    if (turn) clearImmediate(turn)
    turn = undefined
    const { items, settled } = open
    open = { items: [], settled: [], bytes: 0 }
    if (items.length > 0) store(items, settled)
  }
  const store = (items: readonly T[], settled: readonly Settled[]) => {
    send(items).then(
      () => {
        for (const settle of settled) settle(undefined)
      },
      error => {
        const half = items.length >> 1
        if (half > 0 && isTooLarge(error)) {
          store(items.slice(0, half), settled.slice(0, half))
          store(items.slice(half), settled.slice(half))
        } else for (const settle of settled) settle(error)
      },
    )
  }
  const put = (item: T, bytes: number, settled: Settled) => {
    if (open.bytes + bytes > limits.bytes) flush()
    open.items.push(item)
    open.settled.push(settled)
    open.bytes += bytes
    if (open.items.length >= limits.items) flush()
    else turn ??= setImmediate(flush)
  }

  return {
    put,
    add: (item, bytes) =>
      new Promise((resolve, reject) => {
        put(item, bytes, error => (error === undefined ? resolve() : reject(error)))
      }),
  }
}

/** Larger than a message may be: it would fail again at every try. */
export const isTooLarge = (error: unknown): boolean => error instanceof ReactorError && error.code === 'bad_event'
