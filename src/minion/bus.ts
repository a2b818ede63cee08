// The minion's own bus inside its process.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { HeardMinionBus, LocalEvent } from '../functions/minion-bus.ts'
import { encodeEvent, formatStamp, newEventId } from '../protocol/event.ts'

export function createMinionBus({ now, log }: { now(): number; log: Log }): HeardMinionBus {
  const listeners = new Set<(event: LocalEvent) => void>()
  type As = Pick<LocalEvent, 'id' | 'local'> & { stamp: string }
  const give = (tag: string, data: Record<string, unknown>, { stamp, ...as }: As) => {
    const event = { ...JSON.parse(encodeEvent(tag, data, stamp)), ...as } as LocalEvent
    for (const listener of [...listeners]) {
      try {
        listener(event)
      } catch (error) {
        log.error({ tag, error: errorMessage(error) }, 'a listener of the minion bus failed')
      }
    }
  }
  return {
    async fire(tag, data) {
      give(tag, data, { id: newEventId(), stamp: formatStamp(now()), local: true })
    },
    pass(tag, data, as) {
      // Every event of the minion comes by here, and most minions have nobody who listens.
      if (listeners.size > 0) give(tag, data, as)
    },
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
