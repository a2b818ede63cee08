// The connection of the returner `nats`: made at the first use, kept up by the client, and made anew where that has given up.
import { type Authenticator, connect, type NatsConnection, tokenAuthenticator } from '@nats-io/transport-node'
import { createScrub, oneLine } from '../alerts/secrets.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { withoutPassword } from '../bus/connect.ts'
import { nkeyLogin } from '../bus/nkey-login.ts'
import { createPublisher, type Publisher } from '../bus/publish.ts'
import { readSeed } from '../bus/seed.ts'
import { type TlsFiles, tlsFailure, tlsOptions } from '../bus/tls.ts'

export interface LinkOptions {
  servers: string | string[]
  seed?: string | undefined
  user?: string | undefined
  password?: string | undefined
  token?: string | undefined
  tls?: TlsFiles | undefined
  timeoutMs: number
}

export interface StreamLink {
  /** Throws `unreachable`, `forbidden` or `bad_config`. */
  open(): Promise<{ nc: NatsConnection; publisher: Publisher }>
  close(): Promise<void>
}

type Opened = Awaited<ReturnType<StreamLink['open']>>

export function createStreamLink(options: LinkOptions, name: string, log: Log): StreamLink {
  let opened: Promise<Opened> | undefined

  const make = async (): Promise<Opened> => {
    const nc = await connectStream(options, name)
    const publisher = createPublisher(nc)
    void nc.closed().then(() => publisher.stop())
    void tellErrors(nc, log)
    return { nc, publisher }
  }

  return {
    open() {
      if (opened) return opened
      const making = make()
      opened = making
      const forget = () => {
        if (opened === making) opened = undefined
      }
      making.then(({ nc }) => nc.closed().then(forget), forget)
      return making
    },
    async close() {
      const link = await opened?.catch(() => undefined)
      link?.publisher.stop()
      await link?.nc.close()
    },
  }
}

async function connectStream(options: LinkOptions, name: string): Promise<NatsConnection> {
  const { servers, timeoutMs } = options
  const tls = await tlsOptions(servers, options.tls)
  const authenticator = await loginOf(options)
  try {
    return await connect({
      ...{ servers, name, timeout: timeoutMs, noAsyncTraces: true },
      // Once it was there it comes back, whatever it says meanwhile.
      ...{ maxReconnectAttempts: -1, ignoreAuthErrorAbort: true, reconnectTimeWait: 250, reconnectJitter: 250 },
      ...(authenticator ? { authenticator } : {}),
      ...(tls ? { tls } : {}),
    })
  } catch (error) {
    throw explain(options, error)
  }
}

async function loginOf({ seed, user, password, token }: LinkOptions): Promise<Authenticator | undefined> {
  if (token !== undefined) return tokenAuthenticator(token)
  if (user !== undefined) return () => ({ user, pass: password ?? '' })
  if (seed === undefined) return undefined
  const text = await readSeed(seed)
  if (text === undefined) throw new ReactorError('bad_config', `'nats.seed': there is no file ${seed}`)
  try {
    return nkeyLogin(text)
  } catch (error) {
    throw new ReactorError('bad_config', `'nats.seed': ${seed} holds no seed of a user: ${errorMessage(error)}`)
  }
}

function explain({ servers, password, token, tls }: LinkOptions, error: unknown): ReactorError {
  const where = [servers].flat().map(withoutPassword).join(', ')
  const byTls = tlsFailure(error, where, tls)
  if (byTls) return byTls
  const words = oneLine(createScrub([password, token])(withoutPassword(errorMessage(error))))
  if (/authoriz|authent|nkey/i.test(words))
    return new ReactorError('forbidden', `${where} refused the login of the returner 'nats': ${words}`)
  return new ReactorError('unreachable', `no NATS server answers the returner 'nats' at ${where}: ${words}`)
}

async function tellErrors(nc: NatsConnection, log: Log): Promise<void> {
  for await (const status of nc.status())
    if (status.type === 'error')
      log.warn({ error: errorMessage(status.error) }, "the NATS server of the returner 'nats' reports an error")
}
