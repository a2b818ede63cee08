// The private nats-server of `reactor up`: config from the table of access, started, and started again when it dies.
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Running } from '../base/service.ts'
import { serverConfig } from '../bus/server/config.ts'
import { findServer } from '../bus/server/find.ts'
import type { Identities } from '../bus/server/identities.ts'
import { type LaunchedServer, launchServer } from '../bus/server/launch.ts'
import { reclaimStale } from '../bus/server/reclaim.ts'
import { cancellable } from './cancel.ts'
import type { DataFolder } from './folder.ts'
import { watchFullDisk } from './full-disk.ts'

export interface PrivateServer extends Running {
  readonly url: string
  readonly version: string
  pid(): number
  /** Asks it to end, for a supervisor that cannot wait. */
  kill(): void
}

export interface PrivateServerOptions {
  folder: DataFolder
  namespace: string
  /** 0: any free one. */
  port: number
  /** Undefined: without accounts, for tests. */
  identities: Identities | undefined
  say(line: string): void
  /** Aborted: the start is given up, and a server that is on its way is ended. */
  signal: AbortSignal
}

const RESTART_MS = [200, 500, 1000, 2000, 5000, 10_000]

/** Throws `server_missing`, `port_in_use`, `unwritable`, `bad_config`, `child_died`. */
export async function startPrivateServer({
  folder,
  namespace,
  port,
  identities,
  say,
  signal,
}: PrivateServerOptions): Promise<PrivateServer> {
  // Nothing runs yet: a download that goes on ends with this process.
  const binary = await cancellable(findServer({ say }), signal)
  const stale = await reclaimStale({ pidFile: folder.natsPid, configFile: folder.natsConfig })
  if (stale.found === 'running') {
    throw new ReactorError(
      'port_in_use',
      `a reactor is running with the data folder ${folder.path} already (pid ${stale.supervisor}); stop it, or name another folder with --data DIR`,
    )
  }
  if (stale.found === 'stale') say(`the nats-server of a run that was killed (pid ${stale.pid}) has been stopped`)
  const host = '127.0.0.1'
  const writeConfig = (actualPort: number) =>
    writeFile(
      folder.natsConfig,
      serverConfig({
        namespace,
        host,
        port: actualPort,
        storeDir: folder.natsStore,
        portsDir: folder.natsPorts,
        pidFile: folder.natsPid,
        logFile: folder.natsLog,
        ...(identities ? { identities } : {}),
      }),
      { mode: 0o600 },
    )
  const stopping = new AbortController()
  let deaths = 0
  const launch = (): Promise<LaunchedServer> =>
    launchServer({
      binary: binary.path,
      configFile: folder.natsConfig,
      portsDir: folder.natsPorts,
      logFile: folder.natsLog,
      onExit: ending => {
        alive = false
        say(
          `nats-server ended (${ending.signal ? `signal ${ending.signal}` : `exit code ${ending.code}`}); it is started again`,
        )
        relaunching = relaunch()
      },
    })
  const relaunch = async () => {
    while (!stopping.signal.aborted) {
      const wait = RESTART_MS[Math.min(deaths++, RESTART_MS.length - 1)]!
      await delay(wait, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return
      try {
        server = await endable(launch(), folder, stopping.signal)
        alive = true
        deaths = 0
        return say('nats-server is running again')
      } catch (error) {
        if (!stopping.signal.aborted) say(`nats-server did not start: ${errorMessage(error)}`)
      }
    }
  }

  signal.throwIfAborted()
  await writeConfig(port)
  let relaunching: Promise<void> | undefined
  let server = await endable(launch(), folder, signal)
  let alive = true
  // Clients come back to the port that they know: a free one that was picked stays the same from here on.
  await writeConfig(Number(new URL(server.url).port))
  const kill = () => {
    if (alive) process.kill(server.pid, 'SIGTERM')
  }
  const watch = watchFullDisk({ logFile: folder.natsLog, dir: folder.natsStore, say, restart: kill })
  return {
    url: server.url,
    version: binary.version,
    pid: () => server.pid,
    kill,
    async stop() {
      stopping.abort()
      await watch.stop()
      await relaunching
      await server.stop()
      alive = false
    },
  }
}

const LOOK_EVERY_MS = 20

/** What is launched, unless the signal comes first: then the server is ended by its pid file, however far it has come. */
async function endable(launching: Promise<LaunchedServer>, folder: DataFolder, signal: AbortSignal) {
  let settled = false
  const launched = launching.finally(() => {
    settled = true
  })
  const end = async () => {
    while (!settled) {
      const found = await reclaimStale({ pidFile: folder.natsPid, configFile: folder.natsConfig })
      if (found.found === 'running' && found.supervisor === process.pid) process.kill(found.pid, 'SIGTERM')
      await delay(LOOK_EVERY_MS)
    }
  }
  let ending: Promise<unknown> | undefined
  const onAbort = () => {
    ending = end().catch(() => undefined)
  }
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) onAbort()
    const server = await launched
    if (!signal.aborted) return server
    await server.stop()
    throw signal.reason
  } finally {
    signal.removeEventListener('abort', onAbort)
    await ending
  }
}
