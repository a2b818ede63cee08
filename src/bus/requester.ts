// Who asks. Across accounts the server writes it into the request (`Nats-Request-Info`), whatever the payload says.
import type { MsgHdrs } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import { HEADER } from '../protocol/event.ts'
import { NOBODY } from '../protocol/login.ts'
import { REQUEST_INFO } from './headers.ts'

export interface RequestInfo {
  /** Account of the requester. */
  acc: string
  /** Of a login by the auth callout its name, of a static user its name or public key. */
  user: string
  /** Address of the requester, where the server tells it. */
  host?: string
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
    const { user, host } = info
    return {
      acc: String(info.acc ?? ''),
      user: typeof user === 'string' ? user : '',
      ...(typeof host === 'string' ? { host } : {}),
    }
  } catch {
    return nobody
  }
}

/** For whom a service of CORE says that it asks; nobody else is to be believed on it. */
export function claimedUser(headers: MsgHdrs | undefined): string {
  try {
    return headers?.get(HEADER.user) || NOBODY
  } catch {
    return NOBODY
  }
}
