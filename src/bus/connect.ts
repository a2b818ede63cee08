// One connection to NATS, as every process and command makes it.
import { readFile } from 'node:fs/promises'
import { type Authenticator, type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createSubjects, type Subjects } from '../protocol/subject.ts'
import './headers.ts'
import { nkeyLogin } from './nkey-login.ts'
import { requireServerVersion } from './server/version.ts'

export interface BusOptions {
  servers: string | string[]
  namespace: string
  /** Shown in the server's connection list. */
  name: string
  /** File with an nkey seed; without one the login is anonymous, or by what the URL holds. */
  seedFile?: string | undefined
  /** What the login says beside the key, or instead of one. */
  user?: string | undefined
  password?: string | undefined
  tls?: TlsFiles | undefined
  inboxPrefix?: string
  /** A daemon waits for its server and comes back for ever; a command fails at once. */
  patient: boolean
  log: Pick<Log, 'warn' | 'info'>
}

/** Files in PEM. */
export interface TlsFiles {
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
}

export interface Bus {
  readonly nc: NatsConnection
  readonly subjects: Subjects
  close(): Promise<void>
}

/** Connects. Throws `unreachable`, `forbidden` or `server_version` with a sentence that says what to do. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { log } = options
  const authenticator = await loginOf(options)
  const config: ConnectionOptions = {
    servers: options.servers,
    name: options.name,
    // Error objects for every publish cost a third of the publisher's time.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 20_000,
    timeout: 5000,
    ...(authenticator ? { authenticator } : {}),
    ...(options.tls ? { tls: tlsOptions(options.tls) } : {}),
    ...(options.inboxPrefix ? { inboxPrefix: options.inboxPrefix } : {}),
    ...(options.patient ? { ignoreAuthErrorAbort: true } : {}),
  }
  const nc = await connect(config).catch((error: unknown) => {
    const reason = refused(options.servers, error)
    if (!options.patient) throw reason
    // The first attempt tells why; from there on the client tries in silence.
    log.warn(`${reason.message}; waiting for it`)
    return connect({ ...config, waitOnFirstConnect: true })
  })
  try {
    requireServerVersion(nc.info?.version ?? '0.0.0')
  } catch (error) {
    await nc.close()
    throw error
  }
  void reportStatus(nc, log)
  guardCallbacks(nc, log)
  return {
    nc,
    subjects: createSubjects(options.namespace),
    async close() {
      if (nc.isClosed()) return
      // A drain waits for the server: with the server gone there is nothing to wait for.
      await Promise.race([nc.drain().catch(() => undefined), new Promise(resolve => setTimeout(resolve, 1500).unref())])
      await nc.close()
    },
  }
}

/** What a callback throws would end the reading of the connection, in silence and for good. */
function guardCallbacks(nc: NatsConnection, log: BusOptions['log']): void {
  const subscribe = nc.subscribe.bind(nc)
  nc.subscribe = (subject, options) => {
    const callback = options?.callback
    if (!callback) return subscribe(subject, options)
    return subscribe(subject, {
      ...options,
      callback(error, message) {
        try {
          callback(error, message)
        } catch (thrown) {
          log.warn({ subject: message?.subject, error: errorMessage(thrown) }, 'a message could not be handled')
        }
      },
    })
  }
}

/** By key, by name and password, or by a name beside a key, as protocol/login.ts has it. */
async function loginOf({ seedFile, user, password }: BusOptions): Promise<Authenticator | undefined> {
  const byName = user === undefined ? undefined : { user, pass: password ?? '' }
  if (!seedFile) return byName ? () => byName : undefined
  try {
    const seed = (await readFile(seedFile, 'utf8')).trim()
    const byKey = nkeyLogin(seed)
    return byName ? nonce => ({ ...byKey(nonce), ...byName }) : byKey
  } catch (error) {
    throw new ReactorError('forbidden', `cannot read the key ${seedFile}: ${errorMessage(error)}`)
  }
}

const tlsOptions = ({ ca, cert, key }: TlsFiles) => ({
  ...(ca ? { caFile: ca } : {}),
  ...(cert ? { certFile: cert } : {}),
  ...(key ? { keyFile: key } : {}),
})

function refused(servers: string | string[], error: unknown): ReactorError {
  const message = errorMessage(error)
  const where = [servers].flat().map(withoutPassword).join(', ')
  if (/authoriz|authent|nkey/i.test(message)) {
    return new ReactorError(
      'forbidden',
      `${where} refused the login (${message}): give a key that the server knows with --seed FILE`,
    )
  }
  return new ReactorError(
    'unreachable',
    `no NATS server answers at ${where} (${message}); start one with 'reactor up', or name it with --server URL`,
  )
}

/** A server's URL without what must not be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//')
}

async function reportStatus(nc: NatsConnection, log: BusOptions['log']): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect')
      log.warn({ server: withoutPassword(String(status.server)) }, 'connection to the NATS server lost; reconnecting')
    else if (status.type === 'reconnect')
      log.info({ server: withoutPassword(String(status.server)) }, 'connected to the NATS server again')
    else if (status.type === 'error')
      log.warn({ error: errorMessage(status.error) }, 'the NATS server reports an error')
  }
}
