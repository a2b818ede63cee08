// Messages of REACTIONS that are in hand. A message is settled when all its reactions are: acked, or given back where one of
// them could not be recorded. Until then the server hears that it is being worked on.
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS } from '../../protocol/streams.ts'

/** What one of the reactions of a message does to it. */
export interface Hold {
  /** It starts. */
  begin(): void
  /** It has begun, and waits again. */
  pause(): void
  /** It was begun and has ended; given milliseconds, it is to come again after them. */
  end(againMs?: number): void
}

export interface Delivery extends Hold {
  readonly message: JsMsg
  /** So many reactions settle it; until that is said it waits. */
  expect(reactions: number): void
}

export interface Deliveries {
  /** Takes a message into hand; `settled` hears when it is out of it. */
  open(message: JsMsg, settled: () => void): Delivery
  size(): number
  /** Looks whether this process stood still for so long that the server may have handed out again what is in hand. */
  check(): void
  /** Gives those back at once of which nothing runs; what runs has its time. */
  release(): void
  /** Gives back what is left. */
  stop(): void
}

/** What is settled is in the ledger by then, and is skipped when the message comes again. */
export const AGAIN_MS = 1000
const WORKING_EVERY_MS = ACK_WAIT_MS / 3

interface Open extends Delivery {
  running: number
}

/** `late` hears of a stop of the process before anything that waited for it goes on. `now`: monotonic milliseconds. */
export function createDeliveries(
  late: () => void = () => undefined,
  now: () => number = () => performance.now(),
): Deliveries {
  const open = new Set<Open>()
  let ticked = now()
  const check = () => {
    if (now() - ticked <= 2 * WORKING_EVERY_MS) return
    ticked = now()
    late()
  }
  const timer = setInterval(() => {
    check()
    ticked = now()
    for (const { message } of open) message.working()
  }, WORKING_EVERY_MS)
  timer.unref()

  const giveBack = (all: Open[]) => {
    for (const delivery of all) if (open.delete(delivery)) delivery.message.nak()
  }

  return {
    open(message, settled) {
      let left = 0
      let again: number | undefined
      const settle = () => {
        // One that was given back is another's.
        if (left > 0 || !open.delete(delivery)) return
        if (again === undefined) message.ack()
        else message.nak(again)
        settled()
      }
      const delivery: Open = {
        message,
        running: 0,
        expect(reactions) {
          left = reactions
          settle()
        },
        begin() {
          delivery.running += 1
        },
        pause() {
          delivery.running -= 1
        },
        end(againMs) {
          delivery.running -= 1
          if (againMs !== undefined) again = Math.min(again ?? againMs, againMs)
          left -= 1
          settle()
        },
      }
      open.add(delivery)
      return delivery
    },
    size: () => open.size,
    check,
    release: () => giveBack([...open].filter(({ running }) => running === 0)),
    stop() {
      clearInterval(timer)
      giveBack([...open])
    },
  }
}
