// Starts a nats-server of our own and stops it again. It runs in a session of its own, because Ctrl-C in a terminal goes
// to the whole foreground group and the supervisor has to stop the server after everything that talks to it.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import type { Running } from '../../base/service.ts'
import { SUPERVISOR_VARIABLE } from './reclaim.ts'
import { startupFailure } from './startup-failure.ts'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface LaunchOptions {
  binary: string
  /** Written by the caller; sets the port, the store, and `ports_file_dir` to `portsDir`. */
  configFile: string
  /** Folder where the server says on which ports it listens; made if it is missing. */
  portsDir: string
  /** What the server prints is appended here. */
  logFile: string
  /** Called once if the server ends after it was ready without `stop` having been called. */
  onExit?: ((ending: Ending) => void) | undefined
  /** False keeps the server in our process group, so that it ends with a test run that is interrupted. Default: true. */
  ownSession?: boolean
  /** Milliseconds without a sign of progress until a start counts as failed. Default: 10 seconds. */
  readyWithinMs?: number
  /** Milliseconds from SIGTERM to SIGKILL. Default: 4 seconds. */
  killAfterMs?: number
}

export interface LaunchedServer extends Running {
  /** For clients: `nats://127.0.0.1:4222`. */
  readonly url: string
  readonly pid: number
  readonly exited: Promise<Ending>
}

const LOOK_EVERY_MS = 10

/**
 * Resolves once the server takes clients. Throws `port_in_use`, `unwritable`, `bad_config` or `child_died` with the
 * server's own reason where it ends first, and `timeout` (the server is ended then) where it does neither.
 */
export async function launchServer(options: LaunchOptions): Promise<LaunchedServer> {
  const { binary, onExit, killAfterMs = 4000, readyWithinMs = 10_000 } = options
  const configFile = resolve(options.configFile)
  const log = await prepare(options)
  try {
    const child = spawn(binary, ['-c', configFile], {
      detached: options.ownSession ?? true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, [SUPERVISOR_VARIABLE]: String(process.pid) },
    })
    const exited = endingOf(child, binary)
    let stopping: Promise<void> | undefined
    const stop = () => {
      stopping ??= end(child, exited, killAfterMs)
      return stopping
    }
    const watch = new AbortController()
    const port = waitForPorts(options.portsDir, child.pid, log, readyWithinMs, watch.signal)
    const first = await Promise.race([port, exited]).finally(() => watch.abort())
    if (first === undefined) {
      await stop()
      const limit = `${readyWithinMs / 1000} s`
      throw new ReactorError('timeout', `nats-server was not ready within ${limit}; its log is ${options.logFile}`)
    }
    if (typeof first !== 'string') {
      const ending = first.signal ? `signal ${first.signal}` : `exit code ${first.code}`
      throw startupFailure(await log.read(), ending, configFile)
    }
    void exited.then(ending => {
      if (!stopping) onExit?.(ending)
    })
    return { url: first, pid: child.pid!, exited, stop }
  } finally {
    closeSync(log.fd)
  }
}

interface LogFile {
  fd: number
  size(): number
  /** What has been written since the start. */
  read(): Promise<string>
}

async function prepare({ portsDir, logFile }: LaunchOptions): Promise<LogFile> {
  try {
    await makeFolder(portsDir)
    await makeFolder(dirname(logFile))
    await removeStalePorts(portsDir)
    const fd = openSync(logFile, 'a', 0o600)
    const start = fstatSync(fd).size
    const read = async () => (await readFile(logFile)).subarray(start).toString('utf8')
    return { fd, size: () => fstatSync(fd).size, read }
  } catch (error) {
    throw new ReactorError(
      'unwritable',
      `the folder of nats-server cannot be written: ${errorMessage(error)}`,
      {},
      error,
    )
  }
}

/** Rejects with `server_missing` where the binary cannot be started at all. */
function endingOf(child: ChildProcess, binary: string): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', error =>
      reject(
        new ReactorError('server_missing', `${binary} cannot be started: ${errorMessage(error)}`, { binary }, error),
      ),
    )
  })
}

async function end(child: ChildProcess, exited: Promise<Ending>, killAfterMs: number): Promise<void> {
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  await exited.finally(() => clearTimeout(force))
}

/**
 * The first address of the ports file, which the server writes once it takes clients; undefined after `quietMs` in which
 * the server logged nothing either: a large store takes its time to recover, and the server tells how far it is.
 */
async function waitForPorts(dir: string, pid: number | undefined, log: LogFile, quietMs: number, signal: AbortSignal) {
  let size = log.size()
  let deadline = Date.now() + quietMs
  while (!signal.aborted && Date.now() < deadline) {
    const url = await readPorts(dir, pid)
    if (url !== undefined) return url
    await delay(LOOK_EVERY_MS)
    if (signal.aborted || log.size() === size) continue
    size = log.size()
    deadline = Date.now() + quietMs
  }
  return undefined
}

async function readPorts(dir: string, pid: number | undefined): Promise<string | undefined> {
  const name = (await readdir(dir)).find(file => file.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  try {
    const ports = JSON.parse(await readFile(join(dir, name), 'utf8')) as { nats?: string[] }
    return ports.nats?.[0]
  } catch {
    return undefined // half written, or gone again with a server that ends: the next look tells
  }
}

/** A server that was killed leaves its ports file, and a new server may get the same pid. */
async function removeStalePorts(dir: string): Promise<void> {
  for (const file of await readdir(dir)) {
    const pid = Number(/_(\d+)\.ports$/.exec(file)?.[1] ?? 0)
    if (pid > 0 && !exists(pid)) await rm(join(dir, file), { force: true })
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
