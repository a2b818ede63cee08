// Messages of REACTIONS that are in hand. A message is settled when all its reactions are: acked, or given back where one of
// them could not be recorded. Until then the server hears that it is being worked on.
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS } from '../../protocol/streams.ts'

export interface Delivery {
  readonly message: JsMsg
  /** So many reactions settle it; until that is said it waits. */
  expect(reactions: number): void
  /** One of its reactions starts. */
  begin(): void
  /** One that was begun has ended. */
  end(recorded: boolean): void
}

export interface Deliveries {
  /** Takes a message into hand; `settled` hears when it is out of it. */
  open(message: JsMsg, settled: () => void): Delivery
  size(): number
  /** Gives those back at once of which nothing runs; what runs has its time. */
  release(): void
  /** Gives back what is left. */
  stop(): void
}

/** What is settled is in the ledger by then, and is skipped when the message comes again. */
const AGAIN_MS = 1000
const WORKING_EVERY_MS = ACK_WAIT_MS / 3

interface Open extends Delivery {
  running: number
}

export function createDeliveries(): Deliveries {
  const open = new Set<Open>()
  const timer = setInterval(() => {
    for (const { message } of open) message.working()
  }, WORKING_EVERY_MS)
  timer.unref()

  const giveBack = (all: Open[]) => {
    for (const delivery of all) if (open.delete(delivery)) delivery.message.nak()
  }

  return {
    open(message, settled) {
      let left = 0
      let failed = false
      const settle = () => {
        // One that was given back is another's.
        if (left > 0 || !open.delete(delivery)) return
        if (failed) message.nak(AGAIN_MS)
        else message.ack()
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
        end(recorded) {
          delivery.running -= 1
          failed ||= !recorded
          left -= 1
          settle()
        },
      }
      open.add(delivery)
      return delivery
    },
    size: () => open.size,
    release: () => giveBack([...open].filter(({ running }) => running === 0)),
    stop() {
      clearInterval(timer)
      giveBack([...open])
    },
  }
}
