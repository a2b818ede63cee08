// A bare nats-server with JetStream on a free port and a store of its own: what every integration test runs against.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FoundServer, findServer } from '../../src/bus/server/find.ts'
import { launchServer } from '../../src/bus/server/launch.ts'

export interface TestServer {
  url: string
  pid: number
  storeDir: string
  /** Ends the server and removes its folder; may be called twice. */
  stop(): Promise<void>
}

let found: Promise<FoundServer> | undefined

/** Starts it; `config` is appended to the config file. Throws, with how to get one, where there is no nats-server. */
export async function startTestServer(options: { config?: string } = {}): Promise<TestServer> {
  found ??= findServer()
  const { path: binary } = await found
  const dir = await mkdtemp(join(tmpdir(), 'reactor-nats-'))
  const storeDir = join(dir, 'store')
  const portsDir = join(dir, 'ports')
  const configFile = join(dir, 'nats.conf')
  await mkdir(storeDir)
  await writeFile(configFile, bareConfig(storeDir, portsDir) + (options.config ?? ''))
  const remove = () => rm(dir, { recursive: true, force: true })
  try {
    const logFile = join(dir, 'nats.log')
    const server = await launchServer({ binary, configFile, portsDir, logFile, ownSession: false })
    // A test run that ends early never comes to its hooks.
    const kill = () => void process.kill(server.pid, 'SIGKILL')
    process.once('exit', kill)
    void server.exited.then(() => process.off('exit', kill))
    const stop = async () => {
      await server.stop()
      await remove()
    }
    return { url: server.url, pid: server.pid, storeDir, stop }
  } catch (error) {
    await remove()
    throw error
  }
}

function bareConfig(storeDir: string, portsDir: string): string {
  return `host: 127.0.0.1\nport: -1\nports_file_dir: ${JSON.stringify(portsDir)}\njetstream { store_dir: ${JSON.stringify(storeDir)}, max_file_store: 1TB }\n`
}
