// An item of a queue as a message of the stream QUEUES, and what its consumer is told about it.
import { HEADER } from '../protocol/event.ts'
import type { Trace } from '../protocol/trace.ts'
import type { Lease } from './backend.ts'
import type { Delivery } from './pull.ts'

/** When it may be given out first, milliseconds since the epoch; and how often a dead one was given out. */
const DUE = 'Reactor-Due'
const TRIES = 'Reactor-Tries'

type Header = (name: string) => string | undefined
type Headers = Record<string, string | undefined>

export const headersOf = (
  trace: Trace | undefined,
  { dueMs, tries }: { dueMs?: number; tries?: number } = {},
): Headers => ({
  ...(trace
    ? { [HEADER.cause]: trace.cause, [HEADER.hops]: String(trace.hops ?? 0), [HEADER.chain]: trace.chain }
    : {}),
  ...(dueMs === undefined ? {} : { [DUE]: String(dueMs) }),
  ...(tries === undefined ? {} : { [TRIES]: String(tries) }),
})

export const keyIn = (subject: string): string => subject.slice(subject.lastIndexOf('.') + 1)

export const triesIn = (header: Header): number => Number(header(TRIES))

export function traceIn(header: Header): Trace | undefined {
  const hops = Number(header(HEADER.hops))
  return hops > 0 ? { cause: header(HEADER.cause), hops, chain: header(HEADER.chain) } : undefined
}

/** `waitMs`: it is given out too early by so long. */
export function leaseOf({ reply, message, delivered }: Delivery): Lease & { waitMs: number } {
  const header: Header = name => message.headers?.get(name) || undefined
  const due = Number(header(DUE) ?? 0)
  const key = keyIn(message.subject)
  const trace = traceIn(header)
  return {
    id: reply,
    uid: header(HEADER.id) ?? key,
    key,
    item: message.json(),
    ...(trace ? { trace } : {}),
    // Of a delayed one the first was no giving out.
    tries: due > 0 ? Math.max(1, delivered - 1) : delivered,
    waitMs: due - Date.now(),
  }
}

/** Give it out again, after a while. */
export const nak = (delayMs: number): string =>
  delayMs > 0 ? `-NAK ${JSON.stringify({ delay: delayMs * 1_000_000 })}` : '-NAK'
