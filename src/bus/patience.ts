// How a daemon waits to be let in, at its start and whenever it was cut off: it tries for ever, and says each reason once.
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect, errors, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, type ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

export interface Patience {
  /** Options of the client: when it tries again. */
  readonly options: Pick<ConnectionOptions, 'ignoreAuthErrorAbort' | 'maxReconnectAttempts' | 'reconnectDelayHandler'>
  /** Resolves once it is in. */
  connect(config: ConnectionOptions): Promise<NatsConnection>
  /** Says of an open connection when it is lost and when it is back. */
  report(nc: NatsConnection): void
}

export interface PatienceOptions {
  /** Whether the auth callout decides on the login. */
  byCallout: boolean
  /** What a failed attempt means, in words. */
  explain(error: unknown): ReactorError
  server(address: unknown): string
  log: Pick<Log, 'warn' | 'info'>
}

// Milliseconds from one attempt to the next, and as much again by lot. Services come first after a restart of the server: a
// login that is there before the callout is not answered at all.
const SERVICE_MS = 100
const LOGIN_MS = 400
/** A login that was refused is tried as often as its key may be accepted without anybody noticing the wait. */
const REFUSED_MS = 800

export function createPatience({ byCallout, explain, server, log }: PatienceOptions): Patience {
  let refused = false
  const pause = () => {
    const least = refused ? REFUSED_MS : byCallout ? LOGIN_MS : SERVICE_MS
    return Math.round(least * (1 + Math.random()))
  }

  return {
    options: { ignoreAuthErrorAbort: true, maxReconnectAttempts: -1, reconnectDelayHandler: pause },
    async connect(config) {
      let said: string | undefined
      for (;;) {
        const began = performance.now()
        try {
          const nc = await connect(config)
          if (refused) log.info(`${server(nc.getServer())} has let it in`)
          refused = false
          return nc
        } catch (error) {
          const reason = explain(error)
          refused = reason.code === 'forbidden'
          if (said !== reason.code) log.warn(`${reason.message}; waiting for it`)
          said = reason.code
        }
        await delay(Math.max(0, began + pause() - performance.now()))
      }
    },
    report(nc) {
      void (async () => {
        // The client tells of every attempt that fails, and of its success once for each of them. A login that has run out
        // is renewed at once, which nobody needs to hear of.
        let link: 'up' | 'renewing' | 'lost' = 'up'
        for await (const status of nc.status()) {
          if (status.type === 'disconnect' && link === 'up') {
            link = 'lost'
            log.warn({ server: server(status.server) }, 'connection to the NATS server lost; reconnecting')
          } else if (status.type === 'reconnect') {
            if (link === 'lost' || refused)
              log.info({ server: server(status.server) }, 'connected to the NATS server again')
            link = 'up'
            refused = false
          } else if (status.type === 'error') {
            const { error } = status
            if (error instanceof errors.UserAuthenticationExpiredError) link = 'renewing'
            else if (!(error instanceof errors.AuthorizationError))
              log.warn({ error: errorMessage(error) }, 'the NATS server reports an error')
            else if (!refused) {
              refused = true
              log.warn(`${explain(error).message}; waiting for it`)
            }
          }
        }
      })()
    },
  }
}
