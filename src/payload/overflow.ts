// Answers of services that are larger than a message: stored for a while, and answered by their ref.
import { randomBytes } from 'node:crypto'
import { splitPayload } from '../protocol/payload.ts'
import type { Overflow } from '../services/serve.ts'
import type { PayloadStore } from './store.ts'

/** No minion's id is escaped to this. */
const OWNER = '_answers'
/** Who asked has fetched it by then. */
const KEEP_MS = 5 * 60_000

export function createOverflow(store: PayloadStore, keepMs = KEEP_MS): Overflow {
  return async bytes => {
    const { ref, parts } = splitPayload(`${OWNER}.${randomBytes(16).toString('hex')}`, bytes, store.maxPayload)
    for (const [part, content] of parts.entries()) await store.put(ref.name, part, content)
    // Should the process end before, it goes with its age as all payloads do.
    setTimeout(() => void store.remove(ref.name, ref.parts).catch(() => undefined), keepMs).unref()
    return ref
  }
}
