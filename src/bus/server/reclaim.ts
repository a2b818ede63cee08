// Ends the nats-server of a supervisor that was killed. The server runs in a session of its own and outlives `kill -9`
// of its supervisor; the next start on the same data comes here first, because two servers on one store destroy it.
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { errorMessage, ReactorError } from '../../base/errors.ts'

/** Tells in the server's environment which process has to stop it: that one's pid. */
export const SUPERVISOR_VARIABLE = 'REACTOR_SUPERVISOR'
const LOOK_EVERY_MS = 20

export interface ReclaimOptions {
  /** The `pid_file` of the server's config. */
  pidFile: string
  /** The config that the server was started with. */
  configFile: string
  /** Milliseconds from SIGTERM to SIGKILL, and again from there to giving up. Default: 4 seconds. */
  killAfterMs?: number
}

export type Reclaimed =
  | { found: 'nothing' }
  /** A server was left over and has ended. */
  | { found: 'stale'; pid: number }
  /** A live supervisor has the server in hand: nothing was touched. */
  | { found: 'running'; pid: number; supervisor: number }

/** Looks at the pid file and ends a left-over server, if that pid is one that runs with this very config. Throws
 * `child_died` where it does not end. */
export async function reclaimStale(options: ReclaimOptions): Promise<Reclaimed> {
  const { pidFile, killAfterMs = 4000 } = options
  const pid = await readPid(pidFile)
  if (pid === undefined) return { found: 'nothing' }
  const server = await inspect(pid, resolve(options.configFile))
  if (server === undefined) {
    await rm(pidFile, { force: true })
    return { found: 'nothing' }
  }
  if (server.supervised) return { found: 'running', pid, supervisor: server.parent }
  const isLeft = async () => (await inspect(pid, resolve(options.configFile))) !== undefined
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    send(pid, signal)
    const deadline = Date.now() + killAfterMs
    while ((await isLeft()) && Date.now() < deadline) await delay(LOOK_EVERY_MS)
    if (await isLeft()) continue
    await rm(pidFile, { force: true })
    return { found: 'stale', pid }
  }
  throw new ReactorError('child_died', `a nats-server left over from an earlier start (pid ${pid}) does not end`, {
    pid,
  })
}

async function readPid(pidFile: string): Promise<number | undefined> {
  let text: string
  try {
    text = await readFile(pidFile, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ReactorError('unwritable', `the pid file ${pidFile} cannot be read: ${errorMessage(error)}`)
  }
  return /^[1-9]\d*$/.test(text.trim()) ? Number(text) : undefined
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return // it ended by itself meanwhile
    throw new ReactorError('child_died', `cannot end the left-over nats-server (pid ${pid}): ${errorMessage(error)}`, {
      pid,
    })
  }
}

/** What runs under that pid, if it was started with `-c configFile`; a pid may long belong to another program. */
async function inspect(pid: number, configFile: string): Promise<{ parent: number; supervised: boolean } | undefined> {
  return process.platform === 'linux' ? inspectProc(pid, configFile) : inspectPs(pid, configFile)
}

async function inspectProc(pid: number, configFile: string) {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8')
  try {
    // Empty for a process that has ended and that nobody has waited for yet.
    const words = (await read('cmdline')).split('\0')
    if (words[words.indexOf('-c') + 1] !== configFile) return undefined
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(await read('status'))?.[1])
    const owner = new RegExp(`(?:^|\\0)${SUPERVISOR_VARIABLE}=(\\d+)`).exec(await read('environ'))?.[1]
    // An orphan is handed to another parent, which need not be pid 1.
    return { parent, supervised: owner !== undefined && Number(owner) === parent }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw new ReactorError('child_died', `cannot look at the process ${pid} of the pid file: ${errorMessage(error)}`, {
      pid,
    })
  }
}

async function inspectPs(pid: number, configFile: string) {
  const ps = promisify(execFile)
  try {
    const { stdout } = await ps('ps', ['-ww', '-o', 'ppid=,command=', '-p', String(pid)])
    const [, parent, command] = /^\s*(\d+)\s+(.*?)\s*$/m.exec(stdout) ?? []
    if (!command?.endsWith(` -c ${configFile}`)) return undefined
    return { parent: Number(parent), supervised: Number(parent) !== 1 }
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) return undefined // ps knows no such pid
    throw new ReactorError('child_died', `cannot look at the process ${pid} of the pid file: ${errorMessage(error)}`, {
      pid,
    })
  }
}
