// The nats-server's config, generated from the table of access. It is JSON, which nats-server reads as its own format.
import {
  ACCESS,
  type Account,
  minionPermissions,
  operatorPermissions,
  type Permissions,
  REPLY_THRESHOLD,
  rowSubject,
} from '../../protocol/access.ts'

export interface Identities {
  /** Public nkeys of the services, all in CORE. */
  services: string[]
  /** Static minions, in FLEET. */
  minions: { id: string; nkey: string }[]
  /** Static operators, in OPS. */
  operators: { name: string; nkey: string }[]
}

export interface ServerSettings {
  namespace: string
  host: string
  /** 0: any free one. */
  port: number
  storeDir: string
  portsDir: string
  pidFile: string
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
    // A kill -9 of the server loses nothing that was acked; for loss of power see the docs on sync_interval.
    // Streams reserve what they may grow to; by default the server would refuse that on a disk with less room today.
    jetstream: { store_dir: settings.storeDir, max_file_store: 1024 ** 4 },
    ...(identities ? { accounts: accounts(namespace, identities), system_account: 'SYS' } : {}),
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** The accounts alone, for a server that is there already: to be included in its config. Its JetStream must be on. */
export function accountsConfig(namespace: string, identities: Identities): string {
  return `${JSON.stringify({ accounts: accounts(namespace, identities), system_account: 'SYS' }, null, 2)}\n`
}

function accounts(ns: string, { services, minions, operators }: Identities) {
  return {
    SYS: { users: [] },
    CORE: { jetstream: 'enabled', users: services.map(nkey => ({ nkey })), ...meeting(ns, 'CORE') },
    FLEET: {
      users: minions.map(({ id, nkey }) => ({ nkey, permissions: permissions(minionPermissions(ns, id)) })),
      ...meeting(ns, 'FLEET'),
    },
    OPS: {
      users: operators.map(({ name, nkey }) => ({ nkey, permissions: permissions(operatorPermissions(ns, name)) })),
      ...meeting(ns, 'OPS'),
    },
  }
}

/** What an account gives to others and takes from them. */
function meeting(ns: string, account: Account) {
  const exports = ACCESS.filter(row => row.from === account).map(row => ({
    [row.kind]: rowSubject(ns, row),
    accounts: [...row.to],
    ...(row.kind === 'service' ? { threshold: REPLY_THRESHOLD } : {}),
    ...(row.streamed ? { response_type: 'stream' } : {}),
  }))
  const imports = ACCESS.filter(row => row.to.includes(account)).map(row => ({
    [row.kind]: { account: row.from, subject: rowSubject(ns, row) },
    ...(row.share ? { share: true } : {}),
  }))
  return { exports, imports }
}

function permissions({ publish, subscribe, responses }: Permissions) {
  return {
    publish: { allow: publish },
    subscribe: { allow: subscribe },
    ...(responses ? { allow_responses: responses } : {}),
  }
}
