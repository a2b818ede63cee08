// Actors of each account on a server with the generated config, and what the server refuses them.
import { setImmediate } from 'node:timers/promises'
import { createAccount, createUser } from '@nats-io/nkeys'
import { connect, type NatsConnection, nkeyAuthenticator, PermissionViolationError } from '@nats-io/transport-node'
import { permissions } from '../../src/bus/server/config.ts'
import { minionInbox, operatorInbox, serviceInbox } from '../../src/protocol/inbox.ts'
import { SERVICES, type ServiceOrigin } from '../../src/protocol/origin.ts'
import { operatorPermissions } from '../../src/protocol/permissions.ts'
import { type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { type RestartableServer, startRestartableServer } from './restartable.ts'

export interface Actor {
  nc: NatsConnection
  nkey: string
  /** What the server has refused it beside what the two below have tried: `publish <subject>`, `subscription <subject>`. */
  readonly refused: ReadonlySet<string>
  /** Whether the server refuses the publish. A message that is not refused has been sent. */
  refusedPublish(subject: string, body?: string): Promise<boolean>
  /** Whether the server refuses the subscription. */
  refusedSubscribe(subject: string): Promise<boolean>
}

/** `core` is a user of CORE without permissions of its own, for what the tests themselves do there. */
export type ActorName = 'core' | 'm1' | 'm2' | 'admin' | 'guest' | 'reader' | 'callout' | ServiceOrigin

export interface Accounts {
  server: RestartableServer
  actors: Record<ActorName, Actor>
  stop(): Promise<void>
}

const INBOX = {
  core: '_INBOX',
  callout: '_INBOX',
  m1: minionInbox('m1'),
  m2: minionInbox('m2'),
  admin: operatorInbox('admin'),
  guest: operatorInbox('guest'),
  reader: operatorInbox('reader'),
  ...Object.fromEntries(SERVICES.map(service => [service, serviceInbox(service)] as const)),
} as Record<ActorName, string>

/** What the operator `reader` may do, who is no admin. */
export const READER: Grants = { ...NO_GRANTS, read: ['deploy/**', 'salt/job/*/ret/*'], fire: ['deploy/*'] }

/** CORE has the services, FLEET the minions m1 and m2, OPS the operators admin, guest and reader, AUTH the callout. */
export async function startAccounts(): Promise<Accounts> {
  const names = Object.keys(INBOX) as ActorName[]
  const keys = new Map(names.map(name => [name, createUser()] as const))
  const nkey = (name: ActorName) => keys.get(name)!.getPublicKey()
  const server = await startRestartableServer({
    identities: {
      services: Object.fromEntries(SERVICES.map(service => [service.slice(1), nkey(service)])),
      callout: { user: nkey('callout'), issuer: createAccount().getPublicKey() },
      minions: [
        { id: 'm1', nkey: nkey('m1') },
        { id: 'm2', nkey: nkey('m2') },
      ],
      operators: [
        { name: 'admin', nkey: nkey('admin') },
        { name: 'guest', nkey: nkey('guest') },
      ],
    },
    alter({ accounts, authorization }) {
      const reader = permissions(operatorPermissions('reactor', 'reader', READER))
      accounts.CORE!.users.push({ nkey: nkey('core') })
      accounts.OPS!.users.push({ nkey: nkey('reader'), permissions: reader })
      authorization!.auth_callout.auth_users.push(nkey('core'), nkey('reader'))
    },
  })
  const open = async (name: ActorName): Promise<Actor> => {
    const authenticator = nkeyAuthenticator(keys.get(name)!.getSeed())
    const nc = await connect({ servers: server.url, authenticator, inboxPrefix: INBOX[name], name })
    return { nc, nkey: nkey(name), ...refusals(nc) }
  }
  const actors = Object.fromEntries(
    await Promise.all(names.map(async name => [name, await open(name)] as const)),
  ) as Record<ActorName, Actor>
  return {
    server,
    actors,
    async stop() {
      await Promise.all(Object.values(actors).map(actor => actor.nc.close()))
      await server.remove()
    },
  }
}

/** The server answers a refusal before the pong of the flush that follows. */
function refusals(nc: NatsConnection): Omit<Actor, 'nc' | 'nkey'> {
  const refused = new Set<string>()
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
      refused.add(`${status.error.operation} ${status.error.subject}`)
    }
  })()
  return {
    refused,
    async refusedPublish(subject, body = '{}') {
      refused.delete(`publish ${subject}`)
      nc.publish(subject, body)
      await nc.flush()
      // The status reaches its reader a few turns after the pong has settled the flush.
      await setImmediate()
      return refused.delete(`publish ${subject}`)
    },
    async refusedSubscribe(subject) {
      let problem: unknown
      const subscription = nc.subscribe(subject, {
        callback: error => {
          problem ??= error ?? undefined
        },
      })
      await nc.flush()
      if (!subscription.isClosed()) subscription.unsubscribe()
      refused.delete(`subscription ${subject}`)
      return problem instanceof PermissionViolationError
    },
  }
}
