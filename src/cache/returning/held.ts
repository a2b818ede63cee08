// What is held of a consumer until the store has it: so many bytes at most, and the server is told in time that it is in hand.
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS } from '../../protocol/streams.ts'

export interface Taken<R> {
  record: R
  /** Of the record when it is whole. */
  bytes: number
  message: JsMsg
}

export interface Held<R> {
  isFull(): boolean
  add(taken: Taken<R>): void
  /** They are held no more; `how` answers the server. */
  settle(batch: readonly Taken<R>[], how: (message: JsMsg) => void): void
  stop(): void
}

const MOST_BYTES = 64 * 1024 * 1024
/** Else the server would give it out again. */
const WORKING_EVERY_MS = ACK_WAIT_MS / 3

export function createHeld<R>(): Held<R> {
  const held = new Set<Taken<R>>()
  let bytes = 0
  const working = setInterval(() => {
    for (const { message } of held) message.working()
  }, WORKING_EVERY_MS)
  return {
    isFull: () => bytes > MOST_BYTES,
    add(taken) {
      held.add(taken)
      bytes += taken.message.data.length
    },
    settle(batch, how) {
      for (const taken of batch) {
        held.delete(taken)
        bytes -= taken.message.data.length
        how(taken.message)
      }
    },
    stop: () => clearInterval(working),
  }
}
