// The connection of a command, as an operator.
import { type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { type Command, Option } from 'commander'
import { ReactorError } from '../base/errors.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { createFire, type Fire } from '../bus/fire.ts'
import { createPublisher } from '../bus/publish.ts'
import { operatorInbox } from '../protocol/inbox.ts'
import { userOrigin } from '../protocol/origin.ts'
import { type ClientOptions, findWay, type Way } from './way.ts'

export type { ClientOptions } from './way.ts'

export interface Client {
  readonly bus: Bus
  readonly user: string
  /** Fires under the operator's own origin; gives up after 5 s. Throws `forbidden` where the server refuses the tag. */
  readonly fire: Fire
  close(): Promise<void>
}

const OPTIONS: readonly Option[] = [
  new Option('--server <url>', 'NATS server (default: the reactor up of this folder, or the chosen context)').env(
    'REACTOR_SERVER',
  ),
  new Option('--context <name>', "server and login by name ('reactor context')").env('REACTOR_CONTEXT'),
  new Option('--user <name>', 'your name as an operator (default: admin)').env('REACTOR_USER'),
  new Option('--seed <file>', 'file with your nkey seed').env('REACTOR_SEED'),
  new Option('--password-file <file>', 'file with your password (or the password itself in REACTOR_PASSWORD)').env(
    'REACTOR_PASSWORD_FILE',
  ),
  new Option('--namespace <name>', 'first token of every subject (default: reactor)').env('REACTOR_NAMESPACE'),
  new Option('--data-dir <dir>', 'data folder of the reactor up to talk to (default: ./var, or one above)').env(
    'REACTOR_DATA',
  ),
  new Option('--tls-ca <file>', "certificates of the authorities that sign servers (default: the system's)").env(
    'REACTOR_TLS_CA',
  ),
  new Option('--tls-cert <file>', 'certificate of your own').env('REACTOR_TLS_CERT'),
  new Option('--tls-key <file>', 'its key').env('REACTOR_TLS_KEY'),
]

/** Adds the options that every command which talks to the system has. */
export function withClientOptions(command: Command): Command {
  for (const option of OPTIONS) command.addOption(option)
  return command
}

/** Connects as an operator. Throws as `findWay` and `connectBus` do, and `forbidden` where a key is another's. */
export async function openClient(options: ClientOptions): Promise<Client> {
  const way = await findWay(options)
  const { user, login } = way
  const bus = await connectBus({
    servers: way.servers,
    namespace: way.namespace,
    name: `reactor cli ${user}`,
    // The server takes whoever gives a name for a login by password.
    ...(login.kind === 'key' ? { seedFile: login.seed } : {}),
    ...(login.kind === 'password' ? { user, password: login.password } : {}),
    tls: way.tls,
    inboxPrefix: operatorInbox(user),
    refusedAdvice: ADVICE[login.kind](user),
    patient: false,
    // A command says itself what matters of the link; a logger takes a fifth of its time to load.
    log: { warn: () => undefined, info: () => undefined },
  })
  if (login.kind === 'key' && !way.vouched) await requireOwnName(bus, way, login.seed)
  const publisher = createPublisher(bus.nc)
  const origin = userOrigin(user)
  const fire = createFire(publisher, bus.subjects, origin)
  const refusals = followRefusals(bus.nc)
  return {
    bus,
    user,
    async fire(tag, data, fireOptions) {
      const refused = refusals.of(bus.subjects.event(origin, tag), tag)
      const fired = fire(tag, data, { deadlineMs: 5000, ...fireOptions })
      fired.catch(() => undefined)
      return Promise.race([fired, refused.failure]).finally(refused.release)
    },
    async close() {
      publisher.stop()
      await bus.close()
    },
  }
}

const ADVICE: Record<Way['login']['kind'], (user: string) => string> = {
  key: () => 'the server does not know the key, or not any more; give one that it knows with --seed FILE',
  password: user => `the name '${user}' or the password is not right, or no such operator is there any more`,
  none: () =>
    'give your key with --seed FILE, or --user NAME with --password-file FILE, or a context with --context NAME',
}

/** An operator hears answers under their own name alone: under another one every request would time out. */
async function requireOwnName(bus: Bus, { user }: Way, seed: string): Promise<void> {
  let refused = false
  const subscription = bus.nc.subscribe(`${operatorInbox(user)}.name`, {
    callback: error => {
      refused = error !== null
    },
  })
  await bus.nc.flush()
  if (!refused) return subscription.unsubscribe()
  await bus.nc.close()
  throw new ReactorError(
    'forbidden',
    `the key ${seed} is not that of the operator '${user}': give the name that it was registered under with --user NAME ('reactor user list' shows them)`,
  )
}

/** The server tells of a publish that it refuses beside the connection's messages: its ack would be waited for in vain. */
function followRefusals(nc: NatsConnection) {
  const waiting = new Map<symbol, { subject: string; fail(): void }>()
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
      const { operation, subject } = status.error
      if (operation === 'publish') for (const one of [...waiting.values()]) if (one.subject === subject) one.fail()
    }
  })()
  return {
    of(subject: string, tag: string) {
      const key = Symbol(subject)
      const failure = new Promise<never>((_, reject) => {
        const fail = () =>
          reject(new ReactorError('forbidden', `you may not fire '${tag}': no role of yours grants it (@fire)`))
        waiting.set(key, { subject, fail })
      })
      return { failure, release: () => void waiting.delete(key) }
    },
  }
}
