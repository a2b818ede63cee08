// A server with the accounts and an auth callout, masters that answer logins, and whoever comes to its door.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser, type KeyPair } from '@nats-io/nkeys'
import { type Authenticator, type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { createAudit } from '../../src/audit/audit.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createStack } from '../../src/base/service.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { createFire } from '../../src/bus/fire.ts'
import { nkeyLogin } from '../../src/bus/nkey-login.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { type Installation, makeIdentities } from '../../src/bus/server/identities.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import { createAdmission } from '../../src/keys/admit.ts'
import { openKeyStore } from '../../src/keys/store.ts'
import { openTokenStore } from '../../src/keys/tokens.ts'
import { openOperators } from '../../src/operators/store.ts'
import { startLogins } from '../../src/processes/callout.ts'
import type { Event } from '../../src/protocol/event.ts'
import { minionInbox, operatorInbox, serviceInbox } from '../../src/protocol/inbox.ts'
import { encodeMinionLogin, type MinionLogin, minionUser } from '../../src/protocol/login.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { ALL_GRANTS, type Grants } from '../../src/protocol/role.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { followEvents, keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { createSeen, type Seen } from '../helpers/wait.ts'
import { seedOf } from './requests.ts'

export const NAMESPACE = 'reactor'

export interface Door {
  server: RestartableServer
  dir: string
  identities: Installation
  keyFile(name: string): string
  /** Every event that is stored. */
  events: Seen<Event>
}

/** Ends with the test. */
export async function openDoor(): Promise<Door> {
  const dir = await testFolder()
  const keyFile = (name: string) => join(dir, `${name}.seed`)
  const identities = await makeIdentities(keyFile)
  const server = await startRestartableServer({ namespace: NAMESPACE, identities })
  onTestFinished(() => server.remove())
  const setUp = await connectAs({ server, keyFile }, 'master', serviceInbox('_master'))
  await provisionStreams(setUp, NAMESPACE, DEFAULT_LIMITS)
  await setUp.close()
  const admin = await connectAs({ server, keyFile }, 'admin', operatorInbox('admin'))
  onTestFinished(() => admin.close())
  const events = followEvents(admin, `${NAMESPACE}.live.`)
  await admin.flush()
  return { server, dir, identities, keyFile, events }
}

export async function connectAs(
  { server, keyFile }: Pick<Door, 'server' | 'keyFile'>,
  name: string,
  inboxPrefix: string,
) {
  const authenticator = nkeyLogin((await readFile(keyFile(name), 'utf8')).trim())
  return connect({ servers: server.url, authenticator, inboxPrefix, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
}

export const configOf = (door: Door, master: Record<string, unknown> = {}): Config =>
  configSchema.parse({
    namespace: NAMESPACE,
    servers: [door.server.url],
    master: { callout: { seed: door.keyFile('callout'), issuer: door.keyFile('issuer') }, ...master },
  })

/** What a master has to do with logins; `stop` ends it, and so does the end of the test. */
export async function startDoorkeeper(door: Door, master: Record<string, unknown> = {}) {
  const config = configOf(door, master)
  const { log, lines } = keptLog()
  const stack = createStack()
  onTestFinished(() => stack.stop())
  const bus = await connectBus({
    servers: door.server.url,
    namespace: NAMESPACE,
    name: 'master',
    seedFile: door.keyFile('master'),
    inboxPrefix: serviceInbox('_master'),
    patient: true,
    log,
  })
  stack.defer(() => bus.close())
  const { nc } = bus
  const publisher = createPublisher(nc)
  stack.defer(() => publisher.stop())
  const fire = createFire(publisher, createSubjects(NAMESPACE), serviceOrigin('_master'))
  const audit = createAudit(fire, log)
  const common = { namespace: NAMESPACE, replicas: 1, clock: systemClock, log }
  const keys = stack.add(await openKeyStore(nc, common))
  const tokens = stack.add(await openTokenStore(nc, common))
  const roles = new Map<string, Grants>([['admin', ALL_GRANTS]])
  const statics = { [door.identities.admin]: 'admin' }
  const operators = stack.add(await openOperators({ nc, ...common, roles, statics, now: Date.now }))
  const admit = createAdmission({
    ...common,
    store: keys,
    tokens,
    rules: config.master,
    audit,
    onPendingFull: () => undefined,
  })
  stack.add(await startLogins(config, { fire, audit, clock: systemClock, keys, admit, operators, log }))
  return { nc, keys, tokens, operators, admit, lines, stop: () => stack.stop() }
}

export type Doorkeeper = Awaited<ReturnType<typeof startDoorkeeper>>

const anyState = () => Date.now()
/** Accepts, as the owner of the key would. */
export const accept = ({ keys }: Doorkeeper, id: string, key: KeyPair) =>
  keys.change(id, () => ({ id, own: { nkey: key.getPublicKey(), since: anyState(), state: 'accepted' } }))
export const reject = ({ keys }: Doorkeeper, id: string, key: KeyPair) =>
  keys.change(id, () => ({ id, own: { nkey: key.getPublicKey(), since: anyState(), state: 'rejected' } }))
export const forget = ({ keys }: Doorkeeper, id: string) => keys.change(id, () => undefined)

export interface LoginAttempt {
  key?: KeyPair
  user?: string
  pass?: string
  inboxPrefix?: string
  /** In the place of the nonce that the server offers. */
  nonce?: string
}

/** One attempt: the connection, or the error of the client. */
export async function attempt(
  door: Door,
  { key, user, pass, nonce, inboxPrefix }: LoginAttempt,
  more: ConnectionOptions = {},
) {
  const byKey = key && nkeyLogin(seedOf(key))
  const nc = await connect({
    servers: door.server.url,
    timeout: 8000,
    reconnect: false,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    authenticator: offered => {
      const byName = user === undefined ? {} : { user, pass: pass ?? '' }
      return { ...byKey?.(nonce ?? offered), ...byName } as ReturnType<Authenticator>
    },
    ...more,
  })
  onTestFinished(() => nc.close())
  return nc
}

export const minionAttempt = (
  door: Door,
  id: string,
  key: KeyPair,
  login: MinionLogin = {},
  more: ConnectionOptions = {},
) => attempt(door, { key, user: minionUser(id), pass: encodeMinionLogin(login), inboxPrefix: minionInbox(id) }, more)

/** As a minion connects: it waits until it is let in, and comes back for ever. */
export async function patientMinion(door: Door, id: string, key: KeyPair = createUser()) {
  const seedFile = join(door.dir, `${id}-${key.getPublicKey().slice(0, 8)}.seed`)
  await writeFile(seedFile, seedOf(key), { mode: 0o600 })
  const { log } = keptLog()
  const connecting = connectBus({
    servers: door.server.url,
    namespace: NAMESPACE,
    name: id,
    seedFile,
    user: minionUser(id),
    password: '',
    inboxPrefix: minionInbox(id),
    patient: true,
    log,
  })
  const nc = connecting.then(bus => {
    onTestFinished(() => bus.nc.close())
    return bus.nc
  })
  return { nc, key }
}

/** What becomes of a connection: `disconnect`, `reconnect`, … in order. */
export function statusOf(nc: NatsConnection): Seen<string> {
  const seen = createSeen<string>()
  void (async () => {
    for await (const { type } of nc.status()) seen.push(type)
  })()
  return seen
}
