// The keys of the Redis returner: Salt's, and beside them an index of jobs and events by time.

/** Hash: minion → return. */
export const retKey = (jid: string): string => `ret:${jid}`
/** JSON. */
export const loadKey = (jid: string): string => `load:${jid}`
/** The stamp. */
export const endKey = (jid: string): string => `end:${jid}`
/** JSON. */
export const eventKey = (id: string): string => `event:${id}`
/** Set of ids. */
export const MINIONS = 'minions'
/** Sorted set, all of one score: so jids stand in it in the order of their time. */
export const JIDS = 'jids'
/** Sorted set of ids by milliseconds. */
export const EVENTS = 'events'

const PREFIXES = new Set(['ret', 'load', 'end', 'event'])

/** The jid of a minion's newest return of a function: `<minion>:<fun>`. */
export function newestKey(id: string, fun: string): string {
  const plain = id.replace(/[%:]/g, encodeURIComponent)
  // A minion may have any id, and say that it ran any function: neither may make it the key of something else.
  return PREFIXES.has(plain) ? `%${plain}:${fun}` : `${plain}:${fun}`
}

/** No job that was made before that time has a greater one. */
export const firstJidOf = (ms: number): string => `${new Date(ms).toISOString().replace(/\D/g, '')}000`
