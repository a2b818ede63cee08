// The store behind the returner `syslog`: records become lines, and lines go out by UDP, TCP or the program `logger`.
import { timeoutMs } from '../alerts/profiles.ts'
import type { ReturnerStore } from '../functions/define-returner.ts'
import { createCalls, handOnTogether } from './hand-on.ts'
import { readAddress, type SyslogAddress } from './syslog-address.ts'
import { type LineOptions, lineText, syslogLine } from './syslog-line.ts'
import { runLogger } from './syslog-logger.ts'
import { createTcp, sendUdp } from './syslog-network.ts'
import { createTaken, eventItem, type Item, returnItem } from './taken.ts'
import { withinTime } from './time-limit.ts'

export interface SyslogOptions extends LineOptions {
  address?: string | undefined
  timeout: string | number
}

interface Way {
  send(kind: string, records: readonly { _stamp: string }[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export function openSyslog(options: SyslogOptions): ReturnerStore {
  const limitMs = timeoutMs(options.timeout)
  const way = wayOf(options)
  const calls = createCalls()
  const place = `syslog at ${options.address ?? "the program 'logger'"}`
  const taken = createTaken()
  const hand = (kind: string, items: readonly Item<{ _stamp: string }>[]) =>
    handOnTogether(items, taken, left =>
      withinTime(limitMs, place, signal => {
        const records = left.map(({ record }) => record)
        return way.send(kind, records, signal)
      }),
    )
  return {
    returner: returns => calls.hold(() => hand('return', returns.map(returnItem))),
    event_return: events => calls.hold(() => hand('event', events.map(eventItem))),
    async close() {
      await calls.ended()
      await way.close()
    },
  }
}

function wayOf(options: SyslogOptions): Way {
  const address: SyslogAddress = options.address === undefined ? { by: 'logger' } : readAddress(options.address)!
  if (address.by === 'logger')
    return {
      // It writes the head itself, as the socket of the machine wants it.
      send: (_kind, records, signal) =>
        runLogger(
          { ...options, path: address.path },
          records.map(record => lineText(record)),
          signal,
        ),
      close: async () => undefined,
    }
  const linesOf = (kind: string, records: readonly { _stamp: string }[]) =>
    records.map(record => Buffer.from(syslogLine(kind, record, options)))
  if (address.by === 'udp')
    return {
      send: (kind, records, signal) => sendUdp(address, linesOf(kind, records), signal),
      close: async () => undefined,
    }
  const tcp = createTcp(address)
  return { send: (kind, records, signal) => tcp.send(linesOf(kind, records), signal), close: () => tcp.close() }
}
