// What a queue is to the rest of the program, whatever keeps it. All backends keep the same contract: items of a queue are
// unique, go out in the order in which they came, and are removed only when whoever took them says that they are done with;
// taken by a process that dies, they come back.
import type { DeadItem, QueueBackendName } from '../protocol/queue.ts'
import type { Trace } from '../protocol/trace.ts'

/** An item on its way into a queue. */
export interface Entry {
  /** Equal items have equal keys: of those a queue holds one. */
  key: string
  /** Random; of this insertion alone. */
  uid: string
  /** JSON in ASCII. */
  text: string
  /** What had it inserted; absent: no rule. */
  trace?: Trace
}

/** An item that was given out, for the time of a lease. */
export interface Lease {
  /** Of this giving out; a backend reads its own. */
  id: string
  /** Of its insertion: the same however often it is given out. */
  uid: string
  key: string
  item: unknown
  trace?: Trace
  /** How often it has been given out, this time included. */
  tries: number
}

/** What a queue holds. */
export interface QueueCounts {
  /** Not given out; those that are delayed count too where the backend can tell them apart. */
  waiting: number
  leased: number
  dead: number
  /** Milliseconds since the oldest that lives was inserted; undefined: none lives. */
  oldestMs: number | undefined
}

export interface QueueSettings {
  /** Milliseconds after which what was taken and not finished comes back. */
  leaseMs: number
  /** What was given out so often and never finished is dead: it is kept, and not given out any more. */
  tries: number
}

/**
 * Methods throw `unreachable` where the store cannot be reached, and `store_refused` where it is full. A queue that nothing was
 * ever inserted into is empty, and reading it does not make it.
 */
export interface QueueBackend {
  readonly name: QueueBackendName
  readonly leaseMs: number
  /** Stored once it resolves, in this order; returns the keys that the queue had already. `delayMs`: not given out before. */
  insert(queue: string, entries: readonly Entry[], delayMs?: number): Promise<Set<string>>
  /** Whether it waits, is given out, or is dead; what is not there is no error. */
  delete(queue: string, keys: readonly string[]): Promise<void>
  /** All that something was ever inserted into, by name. */
  queues(): Promise<string[]>
  /** Items that wait or are given out. */
  length(queue: string): Promise<number>
  counts(queue: string): Promise<QueueCounts>
  /** Items that wait or are given out, oldest first. */
  items(queue: string, most: number): Promise<unknown[]>
  /** Gives out the oldest that wait, each to one caller; none: none waits. */
  lease(queue: string, most: number): Promise<Lease[]>
  /**
   * They are done with, and removed. A lease that has run out, and whose item another has, may find nothing. Returns those that
   * it removed: not all of them where another has one, or the store fails on the way. Rejects where that keeps it from any.
   */
  ack(queue: string, leases: readonly Lease[]): Promise<readonly Lease[]>
  /** They are not done with: others may have them, after the delay. */
  nack(queue: string, leases: readonly Lease[], delayMs?: number): Promise<void>
  /** The lease begins anew. */
  extend(queue: string, leases: readonly Lease[]): Promise<void>
  dead(queue: string, most: number): Promise<DeadItem[]>
  /** Dead items wait again as if they were new; without keys all. Returns how many. */
  revive(queue: string, keys?: readonly string[]): Promise<number>
  close(): Promise<void>
}
