// `reactor up`: a private nats-server and every process that has work, on one machine, from one data folder.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createStack, type Running } from '../base/service.ts'
import { identityIn } from '../bus/identity.ts'
import { ADMIN, CALLOUT, ISSUER, makeIdentities } from '../bus/server/identities.ts'
import type { TlsFiles } from '../bus/tls.ts'
import { requireHeartbeats } from '../config/heartbeats.ts'
import { requireIsolation } from '../config/isolation.ts'
import { mergeConfig, parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { NeededProfile } from '../reactor/profiles-needed.ts'
import { cancellable } from './cancel.ts'
import { type Child, type ChildSpec, type SuperviseOptions, superviseChild } from './children.ts'
import { requireServer } from './existing-server.ts'
import { type DataFolder, openDataFolder, removeUpFile, requireUnused, type UpFile, writeUpFile } from './folder.ts'
import { type ChildName, metricsPorts, metricsUrls } from './metrics-ports.ts'
import { startPrivateServer } from './private-server.ts'

export interface UpOptions {
  data: string
  port: number
  /** An existing server instead of a private one. */
  nats?: string | undefined
  /** The config file's content, and the command line's values on it. */
  config: Record<string, unknown>
  /** The program's main file. */
  main: string
  say(line: string): void
  /** Aborted while it starts: what has been started by then is stopped, and the start throws the signal's reason. */
  signal: AbortSignal
}

export interface Up extends Running {
  readonly file: UpFile
  readonly folder: DataFolder
  readonly config: Config
  readonly rules: {
    folder: string
    loaded: number
    problems: number
    /** Profiles that rules name and the config has not. */
    missing: NeededProfile[]
  }
  /** Where the metrics of each process are served, by its name; empty where the config has no port for them. */
  readonly metrics: Readonly<Record<string, string>>
  /** Where webhooks are taken, if the config has hooks. */
  readonly webhooks?: string
  /** Pids by name, as they are now. */
  processes(): Record<string, number | undefined>
}

/** Resolves once everything is ready for work. Throws the first thing that did not start, after stopping the rest. */
export async function startUp({ data, port, nats, config: raw, main, say, signal }: UpOptions): Promise<Up> {
  const stack = createStack(say)
  const leftovers = killAtExit(stack)
  try {
    const checked = parseConfig(raw, 'the configuration')
    requireHeartbeats(checked)
    if (nats !== undefined) requireIsolation({ isolation: checked.isolation, servers: nats.split(',') })
    const folder = await openDataFolder(data)
    // A private server shows by itself whether another `up` owns it.
    if (nats !== undefined) await requireUnused(folder)
    const accounts = checked.isolation === 'accounts'
    const { id } = checked.minion
    const minionKey = `minion-${encodeURIComponent(id)}`
    const identities = accounts ? await makeIdentities(folder.key) : undefined
    // The minion of this machine comes in like any other, by a key that is accepted before it asks.
    const minionNkey = accounts ? await identityIn(folder.key(minionKey)) : undefined
    const { namespace } = checked
    signal.throwIfAborted()
    const own =
      nats === undefined
        ? stack.add(await startPrivateServer({ folder, namespace, port, say, identities, signal }))
        : undefined
    if (own) leftovers.add(own)
    const server = nats ?? own!.url
    if (nats !== undefined) {
      const seedFile = folder.key('master')
      const asked = requireServer({ folder, namespace, server, identities, seedFile, tls: checked.tls })
      await cancellable(asked, signal)
    }

    const overrides = {
      servers: server.split(','),
      ...(identities && minionNkey
        ? {
            operators: { [identities.admin]: ADMIN },
            master: {
              callout: { seed: folder.key(CALLOUT), issuer: folder.key(ISSUER) },
              accepted_keys: { [id]: minionNkey },
            },
          }
        : {}),
      minion: { id, dir: folder.minion(encodeURIComponent(id)) },
      cache: { dir: folder.cache },
      queue: { dir: folder.queue },
      cloud: { dir: folder.cloud },
    }
    // The private server never leaves loopback and has no certificate; tls is for a server elsewhere.
    const merged = mergeConfig(nats === undefined ? { ...raw, tls: undefined } : raw, overrides)
    const config = parseConfig(merged, 'the configuration')
    await writeFile(folder.childConfig, JSON.stringify(merged, null, 2), { mode: 0o600 })
    const file: UpFile = {
      server,
      namespace: config.namespace,
      user: ADMIN,
      pid: process.pid,
      ...(accounts ? { seed: folder.key(ADMIN) } : {}),
      ...(config.tls ? { tls: absolute(config.tls) } : {}),
      minion: { config: folder.childConfig, ...(accounts ? { seed: folder.key(minionKey) } : {}) },
    }
    await writeUpFile(folder, file)
    stack.defer(() => removeUpFile(folder))

    const rulesFolder = config.react.rules ?? 'reactors'
    const portOf = metricsPorts(config.metrics.port)
    const child = (name: ChildName, args: string[], key: string): ChildSpec => ({
      name,
      args: [
        ...args,
        ...['--config', folder.childConfig],
        ...(accounts ? ['--seed', folder.key(key)] : []),
        ...portOf(name),
      ],
    })
    // A login that nobody answers yet is lost for seconds: the minion's waits until the master answers logins.
    const answering = createGate()
    const specs = [
      child('master', ['master'], 'master'),
      child('cache', ['worker', 'cache'], 'cache'),
      child('jobs', ['worker', 'jobs'], 'jobs'),
      child('schedule', ['worker', 'schedule'], 'schedule'),
      child('react', ['react', '--rules', rulesFolder], 'reactor'),
      ...(Object.keys(config.gateway.hooks).length > 0 ? [child('gateway', ['gateway'], 'gateway')] : []),
      { ...child('minion', ['minion'], minionKey), ...(accounts ? { after: answering.passed } : {}) },
    ]
    const children = await startAll(specs, stack, {
      main,
      say,
      signal,
      ready: name => name === 'master' && answering.open(),
      launched: process => {
        const left = { kill: () => process.kill('SIGKILL') }
        leftovers.add(left)
        process.once('exit', () => leftovers.delete(left))
      },
    })
    const factsOf = (name: ChildName) => children.find(child => child.name === name)?.facts ?? {}
    const facts = factsOf('react')
    const { webhooks } = factsOf('gateway')
    return Object.assign(stack, {
      file,
      folder,
      config,
      rules: {
        folder: rulesFolder,
        loaded: Number(facts.rules ?? 0),
        problems: Number(facts.problems ?? 0),
        missing: (facts.missing ?? []) as NeededProfile[],
      },
      metrics: metricsUrls(children),
      ...(typeof webhooks === 'string' ? { webhooks } : {}),
      processes: () => ({
        ...(own ? { 'nats-server': own.pid() } : {}),
        ...Object.fromEntries(children.map(child => [child.name, child.pid()])),
      }),
    })
  } catch (error) {
    await stack.stop()
    throw error
  }
}

function createGate(): { passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { passed, open: () => open() }
}

/** Commands of other folders read them too. */
const absolute = (files: TlsFiles): TlsFiles =>
  Object.fromEntries(Object.entries(files).flatMap(([name, file]) => (file ? [[name, resolve(file)]] : [])))

/** What is still there when this process ends without its stop (a second Ctrl-C) is killed. */
function killAtExit(stack: ReturnType<typeof createStack>): Set<{ kill(): unknown }> {
  const leftovers = new Set<{ kill(): unknown }>()
  const killAll = () => {
    for (const one of leftovers) one.kill()
  }
  process.once('exit', killAll)
  stack.defer(() => process.off('exit', killAll))
  return leftovers
}

/** All at once. The first that fails, or the signal, ends the start: the others are stopped, however far they are. */
async function startAll(
  specs: ChildSpec[],
  stack: ReturnType<typeof createStack>,
  { signal, ready, ...options }: SuperviseOptions & { signal: AbortSignal; ready(name: string): unknown },
): Promise<Child[]> {
  const started: Child[] = []
  // Stopped together, before the server they talk to.
  stack.defer(() => Promise.all(started.map(child => child.stop())))
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const starts = specs.map(async spec => {
    started.push(await superviseChild(spec, { ...options, signal: either }))
    ready(spec.name)
  })
  try {
    await Promise.all(starts)
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(starts)
    throw error
  }
  return started
}
