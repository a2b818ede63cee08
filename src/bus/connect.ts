// One connection to NATS, as every process and command makes it.
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  errors,
  type NatsConnection,
} from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createSubjects, type Subjects } from '../protocol/subject.ts'
import './given-up.ts'
import './headers.ts'
import { nkeyLogin } from './nkey-login.ts'
import { createPatience } from './patience.ts'
import { readSeed } from './seed.ts'
import { requireServerVersion } from './server/version.ts'
import { type TlsFiles, tlsFailure, tlsOptions } from './tls.ts'

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
  /** What to do about a login that is refused; by default, to give a key that the server knows. */
  refusedAdvice?: string | undefined
  /** A daemon waits for its server and comes back for ever; a command fails at once. */
  patient: boolean
  log: Pick<Log, 'warn' | 'info'>
}

export interface Bus {
  readonly nc: NatsConnection
  readonly subjects: Subjects
  close(): Promise<void>
}

/** Milliseconds until an attempt counts as lost. */
const CONNECT_MS = 5000
/**
 * The same where a daemon's login is the callout's to decide: that takes nearly two seconds where a key waits to be
 * accepted, and with no callout listening there is no answer at all.
 */
const LOGIN_MS = 2500

/** Connects. Throws `unreachable`, `forbidden`, `bad_config` or `server_version` with a sentence that says what to do. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { log, patient } = options
  const byCallout = options.user !== undefined
  const explain = (error: unknown) => refused(options, error)
  const server = (address: unknown) => withoutPassword(String(address))
  const patience = createPatience({ byCallout, explain, server, log })
  const authenticator = await loginOf(options)
  const tls = await tlsOptions(options.servers, options.tls)
  const config: ConnectionOptions = {
    servers: options.servers,
    name: options.name,
    // Error objects for every publish cost a third of the publisher's time.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 20_000,
    timeout: patient && byCallout ? LOGIN_MS : CONNECT_MS,
    ...(authenticator ? { authenticator } : {}),
    ...(tls ? { tls } : {}),
    ...(options.inboxPrefix ? { inboxPrefix: options.inboxPrefix } : {}),
    ...(patient ? patience.options : {}),
  }
  const nc = patient
    ? await patience.connect(config)
    : await connect(config).catch((error: unknown) => Promise.reject(explain(error)))
  try {
    requireServerVersion(nc.info?.version ?? '0.0.0')
  } catch (error) {
    await nc.close()
    throw error
  }
  patience.report(nc)
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
  const seed = await readSeed(seedFile)
  if (seed === undefined) throw new ReactorError('unreadable', `cannot read the key ${seedFile}: there is no such file`)
  try {
    const byKey = nkeyLogin(seed)
    return byName ? nonce => ({ ...byKey(nonce), ...byName }) : byKey
  } catch (error) {
    throw new ReactorError('forbidden', `cannot use the key ${seedFile}: ${errorMessage(error)}`)
  }
}

const ADVICE = 'give a key that the server knows with --seed FILE'

function refused({ servers, tls, refusedAdvice = ADVICE }: BusOptions, error: unknown): ReactorError {
  const message = errorMessage(error)
  const where = [servers].flat().map(withoutPassword).join(', ')
  const byTls = tlsFailure(error, where, tls)
  if (byTls) return byTls
  if (isRefusal(error)) {
    return new ReactorError('forbidden', `${where} refused the login (${message}): ${refusedAdvice}`)
  }
  if (error instanceof errors.TimeoutError) {
    return new ReactorError(
      'unreachable',
      `no answer to the login at ${where}: no NATS server is there, or no master that answers the logins of minions and operators; start one with 'reactor master' or 'reactor up'${tls && !tls.cert ? ' (or the server wants a client certificate: tls.cert)' : ''}`,
    )
  }
  return new ReactorError(
    'unreachable',
    `no NATS server answers at ${where} (${message}); start one with 'reactor up', or name it with --server URL`,
  )
}

const isRefusal = (error: unknown): boolean =>
  error instanceof errors.AuthorizationError || /authoriz|authent|nkey/i.test(errorMessage(error))

/** A server's URL, with or without its scheme, without what must not be shown: all before the last `@`. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\s*[a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1')
}
