// Whether a job comes from CORE. Inside FLEET a minion could aim the reply of a request at another's job subject; such a
// message lacks what the server adds to one that crossed the account import, and its reply is no import's.
import type { Msg, MsgHdrs } from '@nats-io/transport-node'
import { requestInfo } from '../bus/requester.ts'

/** Undefined when the job may be taken, else the reason why not. */
export function refusalOf(message: Msg, isolation: 'accounts' | 'none'): string | undefined {
  if (isolation === 'none') return undefined
  const info = requestInfo(readHeaders(message))
  if (info?.acc !== 'CORE') return 'the server does not attest that it comes from the account CORE'
  if (!message.reply?.startsWith('_R_.')) return 'its reply subject is not one that the server made for an import'
  return undefined
}

/** Undefined where the block is malformed: reading it throws then, and the sender chose the bytes. */
function readHeaders(message: Msg): MsgHdrs | undefined {
  try {
    return message.headers
  } catch {
    return undefined
  }
}
