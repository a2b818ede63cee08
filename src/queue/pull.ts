// Asking a durable consumer for what it has now, and for nothing that comes later: the client's own `fetch` waits a second at least
// where there is less than it asked for.
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'

export interface Delivery {
  /** Where it is acked. */
  reply: string
  message: Msg
  /** How often it has been given out, this time included. */
  delivered: number
}

const TIMEOUT_MS = 10_000
const NO_RESPONDERS = 503

/** Undefined where there is no such consumer. Throws `unreachable`. */
export async function pullNow(
  nc: NatsConnection,
  stream: string,
  consumer: string,
  most: number,
): Promise<Delivery[] | undefined> {
  let missing = false
  const found: Delivery[] = []
  const inbox = createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)
  await new Promise<void>((resolve, reject) => {
    const end = (problem?: string) => {
      clearTimeout(timer)
      subscription.unsubscribe()
      if (problem === undefined) resolve()
      else reject(new ReactorError('unreachable', `consumer ${consumer} of ${stream}: ${problem}`))
    }
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error) return end(error.message)
        const { reply } = message
        // A status of the server has no place to ack it: there is no more, or no such consumer.
        if (!reply?.startsWith('$JS.ACK.')) {
          const code = message.headers?.code ?? 0
          missing = code === NO_RESPONDERS
          return end(
            [404, 408, NO_RESPONDERS].includes(code) ? undefined : `${code} ${message.headers?.description ?? ''}`,
          )
        }
        found.push({ reply, message, delivered: deliveredIn(reply) })
        if (found.length >= most) end()
      },
    })
    // What came so far is given out.
    const timer = setTimeout(
      () => (found.length > 0 ? end() : end(`no answer within ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    )
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify({ batch: most, no_wait: true }), {
      reply: inbox,
    })
  })
  return missing ? undefined : found
}

/** From server 2.16 on the domain and the account stand before the stream. */
function deliveredIn(reply: string): number {
  const tokens = reply.split('.')
  return Number(tokens[tokens.length === 9 ? 4 : 6])
}
