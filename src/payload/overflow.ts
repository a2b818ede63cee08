// What services of CORE have that is larger than a message: answers, stored for a while and answered by their ref, and
// returns of their functions, which lie as those of a minion do.
import { randomBytes } from 'node:crypto'
import type { Overflow } from '../bus/serve.ts'
import type { PayloadRef } from '../protocol/job.ts'
import type { ServiceOrigin } from '../protocol/origin.ts'
import { ANSWERS, splitPayload, storedName } from '../protocol/payload.ts'
import type { PayloadStore } from './store.ts'

/** Who asked has fetched it by then. */
const KEEP_MS = 5 * 60_000

export function createOverflow(store: PayloadStore, keepMs = KEEP_MS): Overflow {
  return async bytes => {
    const ref = await storeParts(store, `${ANSWERS}.${randomBytes(16).toString('hex')}`, bytes)
    // Should the process end before, it goes with its age as all payloads do.
    setTimeout(() => void store.remove(ref.name, ref.parts).catch(() => undefined), keepMs).unref()
    return ref
  }
}

export type StoreReturn = (jid: string, json: string) => Promise<PayloadRef>

/** Stores the JSON text of a return under the origin of the service. Throws as `put` of the store does. */
export function createReturnStore(store: PayloadStore, origin: ServiceOrigin): StoreReturn {
  return async (jid, json) => {
    const ref = await storeParts(store, storedName(origin, jid), Buffer.from(json))
    return { ...ref, name: jid }
  }
}

async function storeParts(store: PayloadStore, name: string, bytes: Uint8Array): Promise<PayloadRef> {
  const { ref, parts } = splitPayload(name, bytes, store.maxPayload)
  for (const [part, content] of parts.entries()) await store.put(ref.name, part, content)
  return ref
}
