// The nats-server's config, generated from the table of access. It is JSON, which nats-server reads as its own format.
import { ACCESS, type Account, acrossSubject, REPLY_THRESHOLD } from '../../protocol/access.ts'
import {
  calloutPermissions,
  minionPermissions,
  operatorPermissions,
  type Permissions,
} from '../../protocol/permissions.ts'
import { ALL_GRANTS } from '../../protocol/role.ts'
import { servicePermissions } from '../../protocol/service-permissions.ts'
import type { Identities, ServiceName } from './identities.ts'

export interface ServerSettings {
  namespace: string
  host: string
  /** 0: any free one. */
  port: number
  storeDir: string
  portsDir: string
  pidFile: string
  /** It keeps its size: a few of 16 MB. Undefined: what the server prints is somebody else's. */
  logFile?: string
  /** Undefined: a bare server without accounts. */
  identities?: Identities
}

export function serverConfig(settings: ServerSettings): string {
  const { namespace, identities } = settings
  const config = {
    server_name: `${namespace}-${process.pid}`,
    host: settings.host,
    port: settings.port === 0 ? -1 : settings.port,
    ports_file_dir: settings.portsDir,
    pid_file: settings.pidFile,
    // Each login that is refused is three lines.
    ...(settings.logFile ? { log_file: settings.logFile, logfile_size_limit: 16 * 1024 ** 2, logfile_max_num: 3 } : {}),
    // A kill -9 of the server loses nothing that was acked; for loss of power see the docs on sync_interval.
    // Streams reserve what they may grow to; by default the server would refuse that on a disk with less room today.
    jetstream: { store_dir: settings.storeDir, max_file_store: 1024 ** 4, max_memory_store: 64 * 1024 ** 2 },
    // As deploy/nats has them.
    max_payload: 1024 ** 2,
    max_connections: 65_536,
    ...(identities ? door(namespace, identities) : {}),
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/**
 * The accounts alone, with the callout where there is one, for a server that is there already: to be included in its
 * config, which must have JetStream on and no `authorization` of its own.
 */
export function accountsConfig(namespace: string, identities: Identities): string {
  return `${JSON.stringify(door(namespace, identities), null, 2)}\n`
}

/** Seconds that a login may wait for the callout's answer. */
export const LOGIN_TIMEOUT_S = 6

function door(namespace: string, identities: Identities) {
  const { callout, services, minions, operators } = identities
  const known = [callout?.user, ...Object.values(services), ...[...minions, ...operators].map(({ nkey }) => nkey)]
  return {
    accounts: accounts(namespace, identities),
    system_account: 'SYS',
    ...(callout
      ? {
          authorization: {
            timeout: LOGIN_TIMEOUT_S,
            // Whoever is not named here is asked about, and so has no way in while no callout runs.
            auth_callout: { issuer: callout.issuer, account: 'AUTH', auth_users: known },
          },
        }
      : {}),
  }
}

function accounts(ns: string, { services, callout, minions, operators }: Identities) {
  const user = (nkey: string, may: Parameters<typeof permissions>[0]) => ({ nkey, permissions: permissions(may) })
  const running = Object.entries(services) as [ServiceName, string][]
  return {
    SYS: { users: [], ...meeting(ns, 'SYS') },
    AUTH: { users: callout ? [user(callout.user, calloutPermissions())] : [], ...meeting(ns, 'AUTH') },
    CORE: {
      jetstream: 'enabled',
      users: running.map(([name, nkey]) => user(nkey, servicePermissions(ns, `_${name}`))),
      ...meeting(ns, 'CORE'),
    },
    FLEET: {
      ...limits('FLEET'),
      users: minions.map(({ id, nkey }) => user(nkey, minionPermissions(ns, id))),
      ...meeting(ns, 'FLEET'),
    },
    OPS: {
      ...limits('OPS'),
      users: operators.map(({ name, nkey }) => user(nkey, operatorPermissions(ns, name, ALL_GRANTS))),
      ...meeting(ns, 'OPS'),
    },
  }
}

/**
 * Subscriptions of one connection; beyond, the server refuses them. A minion has its job subject and an inbox for each way in
 * which it asks, a handful; an operator what they follow, and foreign clients more.
 */
const MOST_SUBSCRIPTIONS = { FLEET: 64, OPS: 512 }
const limits = (account: keyof typeof MOST_SUBSCRIPTIONS) => ({
  limits: { max_subscriptions: MOST_SUBSCRIPTIONS[account] },
})

/** What an account gives to others and takes from them. */
function meeting(ns: string, account: Account) {
  const exports = ACCESS.filter(row => row.from === account).map(row => ({
    [row.kind]: acrossSubject(ns, row),
    accounts: [...row.to],
    ...(row.kind === 'service' ? { threshold: REPLY_THRESHOLD } : {}),
    ...(row.streamed ? { response_type: 'stream' } : {}),
  }))
  const imports = ACCESS.filter(row => row.to.includes(account)).map(row => ({
    [row.kind]: { account: row.from, subject: acrossSubject(ns, row) },
    ...(row.share ? { share: true } : {}),
  }))
  return { exports, imports }
}

/** As the server writes them in its config. */
export function permissions({ publish, subscribe, responses, refused = [] }: Permissions & { refused?: string[] }) {
  return {
    publish: { allow: publish, ...(refused.length > 0 ? { deny: refused } : {}) },
    subscribe: { allow: subscribe },
    ...(responses ? { allow_responses: responses } : {}),
  }
}
