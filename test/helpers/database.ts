// A real database server of a test's own: files in a folder of its own, a port on loopback, a user that is not root; ended by its id.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, it } from 'vitest'
import { untilTaken, within } from './wait.ts'

const run = promisify(execFile)

/** Whether programs are on this machine, and where not, what to say. */
export interface Found {
  readonly yes: boolean
  readonly reason: string
}

/** The first of the folders and of PATH that has the program. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const all = [...folders, ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return all.map(folder => join(folder, name)).find(file => existsSync(file))
}

/** A suite that needs a real store: where that is missing it is skipped, with the reason in its name; in CI it fails. */
export function describeWith(found: Found, name: string, suite: () => void): void {
  if (found.yes) describe(name, suite)
  else if (process.env.CI)
    describe(name, () => {
      it('has its store', () => {
        throw new Error(found.reason)
      })
    })
  else describe.skip(`${name} (skipped: ${found.reason})`, suite)
}

export interface ServerParts {
  /** Who it runs as where the tests are root. */
  user: string
  /** Makes its files, once; `as` runs a program as that user. */
  install(dir: string, as: (file: string, args: readonly string[]) => Promise<unknown>): Promise<unknown>
  /** What starts it in the foreground. */
  command(dir: string, port: number): { file: string; args: readonly string[] }
  /** What it says on its error output once it takes connections. */
  ready: RegExp
  /** What it says where children of one that was killed still hold its memory: it is started again then. */
  notYet?: RegExp
  /** The signal after which it ends at once, with its files in order. */
  ending: 'SIGTERM' | 'SIGINT'
}

export interface DatabaseServer {
  readonly port: number
  readonly dir: string
  /** Ends it and removes its folder. */
  stop(): Promise<void>
  /** Ends it as an administrator does; its files stay. */
  halt(): Promise<void>
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Starts it after `halt` or `kill`, on the same port. */
  start(): Promise<void>
  restart(): Promise<void>
}

export async function startDatabase(parts: ServerParts): Promise<DatabaseServer> {
  const dir = await mkdtemp(join(tmpdir(), `reactor-${parts.user}-`))
  const who: { uid?: number; gid?: number } = process.getuid?.() === 0 ? await idsOf(parts.user) : {}
  if (who.uid !== undefined && who.gid !== undefined) await chown(dir, who.uid, who.gid)
  const as = (file: string, args: readonly string[]) => run(file, args, { ...who, cwd: dir })
  let child: ChildProcess | undefined
  const atExit = () => child?.kill('SIGKILL')
  process.on('exit', atExit)
  let port = 0

  const start = async () => {
    port ||= await freePort()
    await untilTaken(`the start of ${parts.user}`, startOnce, error => parts.notYet?.test(String(error)) === true)
  }
  const startOnce = async () => {
    const { file, args } = parts.command(dir, port)
    const started = spawn(file, args, { ...who, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    let said = ''
    const ready = new Promise<void>((resolve, reject) => {
      started.stderr!.on('data', chunk => {
        said = (said + chunk).slice(-20_000)
        if (parts.ready.test(said)) resolve()
      })
      started.once('error', reject)
      started.once('exit', code => reject(new Error(`${file} ended with ${code}:\n${said}`)))
    })
    await within(ready, `the start of ${file}`)
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = undefined
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise<void>(resolve => ending.once('exit', () => resolve()))
    ending.kill(signal)
    await within(ended, `the end of ${ending.spawnfile}`)
  }
  const remove = async () => {
    await end('SIGKILL')
    process.off('exit', atExit)
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  try {
    await parts.install(dir, as)
    await start()
  } catch (error) {
    await remove()
    throw error
  }
  return {
    port,
    dir,
    stop: async () => {
      await end(parts.ending)
      await remove()
    },
    halt: () => end(parts.ending),
    kill: () => end('SIGKILL'),
    start,
    restart: async () => {
      await end(parts.ending)
      await start()
    },
  }
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, user])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
