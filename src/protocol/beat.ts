// The body of a heartbeat: the session, which names the process of a minion, so that a start is told from a slow network.

const SESSION = /^[A-Za-z0-9_-]{1,32}$/
const MOST_BYTES = 32

/** Undefined where there is none, or what a minion sent is something else. */
export function sessionIn(body: Uint8Array): string | undefined {
  if (body.length > MOST_BYTES) return undefined
  const text = Buffer.from(body).toString('latin1')
  return SESSION.test(text) ? text : undefined
}
