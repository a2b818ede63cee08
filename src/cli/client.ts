// How a command reaches the system: by its options, by the environment, or by the `reactor up` of this folder.
import { dirname, join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { ReactorError } from '../base/errors.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { createFire, type Fire } from '../bus/fire.ts'
import { createPublisher } from '../bus/publish.ts'
import { operatorInbox } from '../protocol/access.ts'
import { userOrigin } from '../protocol/origin.ts'
import { readUpFile, type UpFile } from '../up/folder.ts'

export interface ClientOptions {
  server?: string
  seed?: string
  namespace?: string
  user?: string
  dataDir?: string
}

export interface Client {
  readonly bus: Bus
  readonly user: string
  /** Fires under the operator's own origin; gives up after 5 s. */
  readonly fire: Fire
  close(): Promise<void>
}

/** Adds the options that every command which talks to the system has. */
export function withClientOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--server <url>', 'NATS server (default: the reactor up of this folder)').env('REACTOR_SERVER'),
    )
    .addOption(new Option('--seed <file>', 'file with your nkey seed').env('REACTOR_SEED'))
    .addOption(
      new Option('--namespace <name>', 'first token of every subject (default: reactor)').env('REACTOR_NAMESPACE'),
    )
    .addOption(new Option('--user <name>', 'your name as an operator (default: admin)').env('REACTOR_USER'))
    .addOption(
      new Option('--data-dir <dir>', 'data folder of the reactor up to talk to (default: ./var, or one above)').env(
        'REACTOR_DATA',
      ),
    )
}

/** Connects as an operator. Throws `unreachable` with what to do when nothing is running here. */
export async function openClient(options: ClientOptions): Promise<Client> {
  const up = options.server ? undefined : await findUpFile(options.dataDir)
  const server = options.server ?? up?.server
  if (!server)
    throw new ReactorError(
      'unreachable',
      "no reactor is running in this folder: start one with 'reactor up', or name a NATS server with --server URL",
    )
  const user = options.user ?? up?.user ?? 'admin'
  const bus = await connectBus({
    servers: server.split(','),
    namespace: options.namespace ?? up?.namespace ?? 'reactor',
    name: `reactor cli ${user}`,
    seedFile: options.seed ?? up?.seed,
    inboxPrefix: operatorInbox(user),
    patient: false,
    // A command says itself what matters of the link; a logger takes a fifth of its time to load.
    log: { warn: () => undefined, info: () => undefined },
  })
  const publisher = createPublisher(bus.nc)
  const fire = createFire(publisher, bus.subjects, userOrigin(user))
  return {
    bus,
    user,
    fire: (tag, data, fireOptions) => fire(tag, data, { deadlineMs: 5000, ...fireOptions }),
    async close() {
      publisher.stop()
      await bus.close()
    },
  }
}

/** The `up.json` of a data folder, or of `var/` here or in a folder above. */
export async function findUpFile(data: string | undefined): Promise<UpFile | undefined> {
  if (data !== undefined) {
    const found = await readUpFile(resolve(data))
    if (!found) throw new ReactorError('unreachable', `no reactor is running with the data folder ${resolve(data)}`)
    return found
  }
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    const found = await readUpFile(join(dir, 'var'))
    if (found || dir === dirname(dir)) return found
  }
}
