// A nats-server with the config that the program generates, which can be ended and started again on its store and port.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverConfig } from '../../src/bus/server/config.ts'
import { findServer } from '../../src/bus/server/find.ts'
import type { Identities } from '../../src/bus/server/identities.ts'
import { type LaunchedServer, launchServer } from '../../src/bus/server/launch.ts'

export interface RestartableServer {
  readonly url: string
  /** What the server has logged. */
  log(): Promise<string>
  start(): Promise<void>
  /** Ends it and keeps its store. */
  end(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Ends it and removes its folder. */
  remove(): Promise<void>
}

/** What tests change of it. */
export interface GeneratedConfig {
  accounts: Record<string, { users: { nkey: string; permissions?: unknown }[] }>
  authorization?: { auth_callout: { auth_users: string[] } }
  [key: string]: unknown
}

/** Starts it; with `identities` it has the accounts, else it is a bare server. `alter` changes the config. */
export async function startRestartableServer(
  options: { namespace?: string; identities?: Identities; alter?: (config: GeneratedConfig) => void } = {},
): Promise<RestartableServer> {
  const { path: binary } = await findServer()
  const dir = await mkdtemp(join(tmpdir(), 'reactor-nats-'))
  const configFile = join(dir, 'nats.conf')
  const printed = join(dir, 'out.log')
  const logFile = join(dir, 'nats.log')
  let port = 0
  let server: LaunchedServer | undefined
  const kill = () => {
    if (server) process.kill(server.pid, 'SIGKILL')
  }
  process.on('exit', kill)

  const start = async () => {
    const settings = {
      namespace: options.namespace ?? 'reactor',
      host: '127.0.0.1',
      port,
      storeDir: join(dir, 'store'),
      portsDir: join(dir, 'ports'),
      pidFile: join(dir, 'pid'),
      logFile,
      ...(options.identities ? { identities: options.identities } : {}),
    }
    const config = JSON.parse(serverConfig(settings))
    options.alter?.(config)
    await writeFile(configFile, JSON.stringify(config))
    server = await launchServer({
      binary,
      configFile,
      portsDir: settings.portsDir,
      logFile: printed,
      ownSession: false,
    })
    port = Number(new URL(server.url).port)
  }
  const end = async (how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    const ending = server
    server = undefined
    if (!ending) return
    if (how === 'SIGKILL') {
      process.kill(ending.pid, 'SIGKILL')
      await ending.exited
    } else await ending.stop()
  }
  await start()
  return {
    get url() {
      return `nats://127.0.0.1:${port}`
    },
    log: () => readFile(logFile, 'utf8'),
    start,
    end,
    async remove() {
      await end()
      process.off('exit', kill)
      await rm(dir, { recursive: true, force: true })
    },
  }
}
