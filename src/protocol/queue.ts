// Queues as all sides speak of them: their names, what an item may be, and how many at once.

export const QUEUE_BACKENDS = ['sqlite', 'jetstream', 'postgres'] as const
export type QueueBackendName = (typeof QUEUE_BACKENDS)[number]

/** Stands in subjects, in names of consumers and in tags. */
export const QUEUE_NAME = /^[A-Za-z0-9_-]{1,64}$/
export const QUEUE_NAME_RULE = "1 to 64 of a-z, A-Z, 0-9, '_' and '-'"

/** Items that one call may insert, delete, take or list. */
export const MOST_ITEMS = 10_000
/** Bytes of one item as JSON. */
export const MOST_ITEM_BYTES = 256 * 1024

/** What `salt/queue/<queue>/process` says, and process_queue returns: `items` in the order in which they were inserted. */
export interface QueueProcess {
  items: unknown[]
  backend: QueueBackendName
  queue: string
}

/** An item that was given out again and again and never finished. */
export interface DeadItem {
  item: unknown
  /** How often it was given out. */
  tries: number
}

/** What a call that was kept in a queue came to. */
export interface QueuedRun {
  fun: string
  /** Null where it was refused before it had one. */
  jid: string | null
  success: boolean
  return: unknown
}
