// NATS servers as deploy/nats has them: its very files, in a folder each as docs/deploy.md lays it out, on free ports of
// loopback.
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { writeAccounts } from '../../src/bus/server/accounts-folder.ts'
import { findServer } from '../../src/bus/server/find.ts'
import { testCertificates } from './certificates.ts'
import type { GeneratedConfig } from './restartable.ts'
import { createSeen, type Seen, within } from './wait.ts'

const DEPLOY = resolve(import.meta.dirname, '../../deploy/nats')

export interface Node {
  /** For clients. */
  readonly url: string
  /** What the server logs. */
  readonly lines: Seen<string>
  stop(how?: NodeJS.Signals): Promise<void>
  /** One that was stopped, on its store and ports; resolves once it is ready. */
  start(): Promise<void>
}

export interface Deployed {
  readonly nodes: readonly Node[]
  /** The authority that clients believe. */
  readonly ca: string
  readonly accounts: Awaited<ReturnType<typeof writeAccounts>>
  stop(): Promise<void>
}

/**
 * Starts them and waits until they take clients and JetStream has a leader. All lies in `dir`, which the caller removes.
 * `observer`: public key of a user of CORE beside those of the program, who may do everything.
 */
export async function deployed(
  dir: string,
  namespace: string,
  kind: 'one-node' | 'cluster',
  observer?: string,
): Promise<Deployed> {
  const { path: binary } = await findServer()
  const accounts = await writeAccounts(join(dir, 'accounts'), namespace)
  const envFiles = kind === 'cluster' ? [1, 2, 3].map(number => `cluster-${number}.env`) : ['one-node.env']
  const ports = await freePorts(envFiles.length * 3)
  const port = (node: number, which: number) => ports[node * 3 + which]!
  const nodes: Node[] = []
  const stop = async () => void (await Promise.all(nodes.map(node => node.stop())))
  try {
    for (const [number, envFile] of envFiles.entries()) {
      const folder = join(dir, `nats${number + 1}`)
      await cp(DEPLOY, folder, { recursive: true })
      await writeFile(join(folder, 'accounts.conf'), await accountsWith(accounts.config, observer))
      await giveCertificate(dir, folder, `nats${number + 1}`)
      const routes = Object.fromEntries(
        envFiles.map((_, other) => [`NATS_ROUTE_${other + 1}`, `tls://localhost:${port(other, 1)}`]),
      )
      const env = {
        ...(await readEnv(join(folder, envFile))),
        NATS_LISTEN: `127.0.0.1:${port(number, 0)}`,
        NATS_MONITOR: `127.0.0.1:${port(number, 2)}`,
        NATS_STORE: join(folder, 'store'),
        ...(kind === 'cluster'
          ? {
              NATS_ADVERTISE: `localhost:${port(number, 0)}`,
              NATS_CLUSTER_LISTEN: `127.0.0.1:${port(number, 1)}`,
              ...routes,
            }
          : {}),
      }
      nodes.push(launch({ binary, folder, config: `${kind}.conf`, env, url: `tls://localhost:${port(number, 0)}` }))
    }
    for (const node of nodes) await node.lines.find(line => line.includes('Server is ready'), 'a server that is ready')
    if (kind === 'cluster') {
      for (const { lines } of nodes)
        await lines.find(
          line => /JetStream cluster new (metadata )?leader|Self is new JetStream cluster metadata leader/.test(line),
          'a leader of JetStream',
        )
    }
    return { nodes, ca: join(dir, 'certs', 'ca.pem'), accounts, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function accountsWith(file: string, observer: string | undefined): Promise<string> {
  const text = await readFile(file, 'utf8')
  if (observer === undefined) return text
  const config = JSON.parse(text.slice(text.indexOf('\n'))) as GeneratedConfig
  config.accounts.CORE!.users.push({ nkey: observer })
  config.authorization!.auth_callout.auth_users.push(observer)
  return JSON.stringify(config)
}

/** A certificate of its own under the one authority, at the place that the config names. */
async function giveCertificate(dir: string, folder: string, name: string): Promise<void> {
  const { ca, cert, key } = await testCertificates({ dir: join(dir, 'certs'), name, hosts: 'localhost' })
  await mkdir(join(folder, 'certs'))
  await copyFile(ca, join(folder, 'certs', 'ca.pem'))
  await copyFile(cert, join(folder, 'certs', 'server.pem'))
  await copyFile(key, join(folder, 'certs', 'server.key'))
}

interface LaunchedNode {
  binary: string
  folder: string
  config: string
  env: Record<string, string>
  url: string
}

function launch({ binary, folder, config, env, url }: LaunchedNode): Node {
  const lines = createSeen<string>()
  let child: ChildProcess
  let exited: Promise<void>
  const run = () => {
    // Nothing of our own environment: what the config needs has to be in the file.
    child = spawn(binary, ['-c', config], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    createInterface({ input: child.stderr! }).on('line', line => lines.push(line))
    exited = new Promise<void>(done => child.once('exit', () => done()))
  }
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  run()
  return {
    url,
    lines,
    async stop(how = 'SIGKILL') {
      child.kill(how)
      await within(exited, `the end of ${config}`)
    },
    async start() {
      const before = lines.items.length
      run()
      await lines.find(
        line => line.includes('Server is ready') && lines.items.lastIndexOf(line) >= before,
        'a server that is ready again',
      )
    },
  }
}

/** `NAME=value` lines, as systemd and sh read them. */
async function readEnv(file: string): Promise<Record<string, string>> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** Held all at once, so that none comes twice. */
async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
      return server
    }),
  )
  const ports = held.map(server => (server.address() as { port: number }).port)
  await Promise.all(held.map(server => new Promise(done => server.close(done))))
  return ports
}
