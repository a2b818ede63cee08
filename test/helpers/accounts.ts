// Actors of each account on a server with the generated config, and what the server refuses them.
import { setImmediate } from 'node:timers/promises'
import { createUser } from '@nats-io/nkeys'
import { connect, type NatsConnection, nkeyAuthenticator, PermissionViolationError } from '@nats-io/transport-node'
import { minionInbox, operatorInbox } from '../../src/protocol/access.ts'
import { type RestartableServer, startRestartableServer } from './restartable.ts'

export interface Actor {
  nc: NatsConnection
  nkey: string
  /** Whether the server refuses the publish. A message that is not refused has been sent. */
  refusedPublish(subject: string, body?: string): Promise<boolean>
  /** Whether the server refuses the subscription. */
  refusedSubscribe(subject: string): Promise<boolean>
}

export type ActorName = 'core' | 'm1' | 'm2' | 'admin' | 'guest'

export interface Accounts {
  server: RestartableServer
  actors: Record<ActorName, Actor>
  stop(): Promise<void>
}

const INBOX: Record<ActorName, string> = {
  core: '_INBOX',
  m1: minionInbox('m1'),
  m2: minionInbox('m2'),
  admin: operatorInbox('admin'),
  guest: operatorInbox('guest'),
}

/** CORE has a service, FLEET the minions m1 and m2, OPS the operators admin and guest. */
export async function startAccounts(): Promise<Accounts> {
  const names: ActorName[] = ['core', 'm1', 'm2', 'admin', 'guest']
  const keys = new Map(names.map(name => [name, createUser()] as const))
  const nkey = (name: ActorName) => keys.get(name)!.getPublicKey()
  const server = await startRestartableServer({
    identities: {
      services: [nkey('core')],
      minions: [
        { id: 'm1', nkey: nkey('m1') },
        { id: 'm2', nkey: nkey('m2') },
      ],
      operators: [
        { name: 'admin', nkey: nkey('admin') },
        { name: 'guest', nkey: nkey('guest') },
      ],
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
function refusals(nc: NatsConnection): Pick<Actor, 'refusedPublish' | 'refusedSubscribe'> {
  const refused = new Set<string>()
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
      refused.add(`${status.error.operation} ${status.error.subject}`)
    }
  })()
  return {
    async refusedPublish(subject, body = '{}') {
      refused.delete(`publish ${subject}`)
      nc.publish(subject, body)
      await nc.flush()
      // The status reaches its reader a few turns after the pong has settled the flush.
      await setImmediate()
      return refused.has(`publish ${subject}`)
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
      return problem instanceof PermissionViolationError
    },
  }
}
