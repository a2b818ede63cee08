// Who asks. Across accounts the server writes it into the request (`Nats-Request-Info`), whatever the payload says.
import type { MsgHdrs } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import { HEADER } from '../protocol/event.ts'
import { REQUEST_INFO } from './headers.ts'

export interface RequestInfo {
  /** Account of the requester. */
  acc: string
  user: string
}

/** The server's attestation; undefined inside CORE, or on a server without accounts. One that cannot be read names nobody. */
export function requestInfo(headers: MsgHdrs | undefined): RequestInfo | undefined {
  const said = headers?.values(REQUEST_INFO) ?? []
  if (said.length === 0) return undefined
  const nobody = { acc: '', user: '' }
  // The server writes one, in the place of any other.
  if (said.length > 1) return nobody
  try {
    const info: unknown = JSON.parse(said[0]!)
    if (!isObject(info)) return nobody
    // Not `name`: that is what the client called its connection, and anyone may call it anything.
    const user = info.user
    return { acc: String(info.acc ?? ''), user: typeof user === 'string' ? user : '' }
  } catch {
    return nobody
  }
}

/**
 * The asking user's name. `operators` names the static operators by public key. A request without an attestation comes
 * from a service of CORE, which says for whom it asks.
 */
export function requester(headers: MsgHdrs | undefined, operators: Readonly<Record<string, string>>): string {
  const info = requestInfo(headers)
  if (info) return operators[info.user] ?? (info.user || 'unknown')
  try {
    return headers?.get(HEADER.user) || 'unknown'
  } catch {
    return 'unknown'
  }
}
