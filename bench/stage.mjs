// What the benchmarks run on: a nats-server of their own on loopback in a temporary folder, connections, streams filled
// with events, child processes. `stop` ends and removes all of it.
import { fork } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jetstreamManager } from '@nats-io/jetstream'
import { silentLog } from '../dist/base/log.js'
import { createStack } from '../dist/base/service.js'
import { connectBus } from '../dist/bus/connect.js'
import { createFire } from '../dist/bus/fire.js'
import { provisionStreams } from '../dist/bus/provision.js'
import { createPublisher } from '../dist/bus/publish.js'
import { serverConfig } from '../dist/bus/server/config.js'
import { findServer } from '../dist/bus/server/find.js'
import { launchServer } from '../dist/bus/server/launch.js'
import { minionOrigin } from '../dist/protocol/origin.js'
import { DEFAULT_LIMITS } from '../dist/protocol/streams.js'

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

export async function openStage() {
  const stack = createStack()
  try {
    const found = await findServer()
    const dir = await mkdtemp(join(tmpdir(), 'reactor-bench-'))
    stack.defer(() => rm(dir, { recursive: true, force: true }))
    const server = stack.add(
      await launchIn(dir, ({ storeDir, portsDir }) =>
        // Streams reserve their bounds, which are larger than what is stored, and than many a disk.
        JSON.stringify({ host: '127.0.0.1', port: -1, ports_file_dir: portsDir, jetstream: { store_dir: storeDir, max_file_store: 1024 ** 4 } }),
      ),
    )
    return { url: server.url, dir, serverVersion: found.version, stop: () => stack.stop() }
  } catch (error) {
    await stack.stop()
    throw error
  }
}

/** A server in the folder, with what `config` makes of its folders. */
async function launchIn(dir, config) {
  const found = await findServer()
  const [storeDir, portsDir, configFile] = ['store', 'ports', 'nats.conf'].map(name => join(dir, name))
  await mkdir(storeDir, { recursive: true })
  await writeFile(configFile, config({ storeDir, portsDir }))
  const logFile = join(dir, 'nats.log')
  const server = await launchServer({ binary: found.path, configFile, portsDir, logFile, ownSession: false })
  // A run that is cut short never comes to `stop`.
  const kill = () => process.kill(server.pid, 'SIGKILL')
  process.once('exit', kill)
  void server.exited.then(() => process.off('exit', kill))
  return server
}

/** A server with the accounts and the callout of an installation. */
export const startServer = (dir, identities) =>
  launchIn(dir, folders =>
    serverConfig({ namespace: 'reactor', host: '127.0.0.1', port: 0, pidFile: join(dir, 'pid'), identities, ...folders }),
  )

/** A connection with a namespace of its own, its streams, a publisher and a `fire` of the minion `bench`. */
export async function openBus(url, namespace) {
  const bus = await connectBus({ servers: url, namespace, name: 'bench', patient: false, log: silentLog })
  await provisionStreams(bus.nc, namespace, { ...DEFAULT_LIMITS, eventsMaxBytes: 4 * 1024 ** 3 })
  const publisher = createPublisher(bus.nc)
  return {
    ...bus,
    publisher,
    fire: createFire(publisher, bus.subjects, minionOrigin('bench')),
    async close() {
      publisher.stop()
      await bus.close()
    },
    /** Closes it and removes its streams: the server has reserved their bounds. */
    async remove() {
      const { streams } = await jetstreamManager(bus.nc, { checkAPI: false })
      for await (const name of streams.names()) if (name.replace(/^(?:KV|OBJ)_/, '').startsWith(`${namespace}_`)) await streams.delete(name)
      await this.close()
    },
  }
}

/** Stores `count` events of about 400 bytes; `tag(n)` and `data(n)` say what is in each. */
export async function fillEvents({ fire }, count, tag, data = eventData) {
  const window = 512
  let next = 0
  const lane = async () => {
    while (next < count) {
      const n = next++
      await fire(tag(n), data(n))
    }
  }
  await Promise.all(Array.from({ length: window }, lane))
}

export const eventData = n => ({ n, value: n % 100, unit: 'percent', text: 'x'.repeat(240) })

/** A process of the project, started as `reactor <args>` on a server without accounts; ready when this resolves. */
export async function startProcess(stage, namespace, args, config = {}) {
  const file = join(stage.dir, `${namespace}-${args.join('-').replace(/\W+/g, '_').slice(-60)}.json`)
  await writeFile(file, JSON.stringify(config))
  const connect = ['--server', stage.url, '--namespace', namespace, '--isolation', 'none', '--log-level', 'error']
  return startChild(CLI, [...args, '--config', file, ...connect], message => 'ready' in message)
}

/** `reactor master` with the config, which is written to `file`. */
export async function startMaster(file, config) {
  await writeFile(file, JSON.stringify(config))
  return startChild(CLI, ['master', '--config', file], message => 'ready' in message)
}

/** A script of this folder as a process; ready once it sends a message. */
export const startScript = (name, args) => startChild(fileURLToPath(new URL(name, import.meta.url)), args, () => true)

async function startChild(file, args, isReady) {
  const child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = new Promise(resolve => child.once('exit', resolve))
  const first = await new Promise((resolve, reject) => {
    child.once('message', message => (isReady(message) ? resolve(message) : reject(new Error(`${file}: ${JSON.stringify(message)}`))))
    void exited.then(code => reject(new Error(`${file} ${args.join(' ')} ended before it was ready (exit code ${code})`)))
  })
  return {
    pid: child.pid,
    /** What a process of the project said when it was ready. */
    facts: first.ready,
    /** Sends a message and resolves with the next that comes. */
    ask: message =>
      new Promise((resolve, reject) => {
        child.once('message', resolve)
        void exited.then(code => reject(new Error(`${file} ended (exit code ${code}) and did not answer`)))
        child.send(message)
      }),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

export { CLI }
