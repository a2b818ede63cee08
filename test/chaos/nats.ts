// The nats-server of a run: with the accounts as `reactor up` has them, and one user of CORE more, with whom the observer reads
// the streams.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { serverConfig } from '../../src/bus/server/config.ts'
import { findServer } from '../../src/bus/server/find.ts'
import { type Installation, makeIdentities } from '../../src/bus/server/identities.ts'
import { type LaunchedServer, launchServer } from '../../src/bus/server/launch.ts'
import type { GeneratedConfig } from '../helpers/restartable.ts'
import type { Victim } from './supervisor.ts'

export interface Nats extends Victim {
  readonly url: string
  readonly identities: Installation
  /** File of a seed: of a service, the callout, the issuer, `admin`. */
  seedFile(name: string): string
  /** Of the observer. */
  readonly observerSeed: Uint8Array
}

export async function startNats(dir: string): Promise<Nats> {
  const seedFile = (name: string) => join(dir, 'keys', `${name}.nk`)
  const identities = await makeIdentities(seedFile)
  const observer = createUser()
  const { path: binary } = await findServer()
  const configFile = join(dir, 'nats.conf')
  const portsDir = join(dir, 'ports')
  let server: LaunchedServer | undefined
  let port = 0
  process.on('exit', () => signal('SIGKILL'))

  const signal = (which: NodeJS.Signals) => {
    if (server) process.kill(server.pid, which)
  }
  const writeConfig = async () => {
    const settings = {
      ...{ namespace: 'reactor', host: '127.0.0.1', port, portsDir, identities },
      storeDir: join(dir, 'store'),
      pidFile: join(dir, 'nats.pid'),
      logFile: join(dir, 'logs', 'nats.log'),
    }
    const config = JSON.parse(serverConfig(settings)) as GeneratedConfig
    config.accounts.CORE!.users.push({ nkey: observer.getPublicKey() })
    config.authorization!.auth_callout.auth_users.push(observer.getPublicKey())
    await writeFile(configFile, JSON.stringify(config))
  }
  const start = async () => {
    await writeConfig()
    const logFile = join(dir, 'logs', 'nats.out')
    // One that has been killed with a large store behind it reads that first.
    server = await launchServer({ binary, configFile, portsDir, logFile, ownSession: false, readyWithinMs: 30_000 })
    port = Number(new URL(server.url).port)
  }
  const end = async (ending: (server: LaunchedServer) => unknown) => {
    const current = server
    server = undefined
    if (!current) return
    await ending(current)
    await current.exited
  }
  await start()
  return {
    name: 'nats-server',
    get url() {
      return `nats://127.0.0.1:${port}`
    },
    identities,
    seedFile,
    observerSeed: observer.getSeed(),
    start,
    kill: () => end(({ pid }) => process.kill(pid, 'SIGKILL')),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    stop() {
      signal('SIGCONT')
      return end(current => current.stop())
    },
  }
}

export const seedIn = async (file: string): Promise<Uint8Array> =>
  new TextEncoder().encode((await readFile(file, 'utf8')).trim())
