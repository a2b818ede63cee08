// Processes that are killed and paused, and come back: each started by this supervisor, ended by its pid, and started again.
import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MAIN } from '../e2e/reactor.ts'
import { within } from '../helpers/wait.ts'

/** Something that can be struck, whichever program it runs. */
export interface Victim {
  readonly name: string
  /** `kill -9`; resolves once it has ended. */
  kill(): Promise<void>
  /** Starts it anew; resolves once it is ready. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT; nothing where it does not run. */
  pause(): void
  resume(): void
  /** A clean end, where it runs. */
  stop(): Promise<void>
}

/** A process of the real program, with these arguments; what it says is appended to `logFile`. `more`: of its environment. */
export function reactorProcess(name: string, args: string[], logFile: string, more: NodeJS.ProcessEnv = {}): Victim {
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  const signal = (which: NodeJS.Signals) => void child?.kill(which)
  process.on('exit', () => signal('SIGKILL'))

  const launch = async () => {
    const log = openSync(logFile, 'a')
    writeSync(log, `--- ${new Date().toISOString()} ${name} starts\n`)
    const process = fork(MAIN, args, { stdio: ['ignore', log, log, 'ipc'], env: { ...env(), ...more } })
    closeSync(log)
    child = process
    ended = new Promise(done => process.once('exit', () => done()))
    const ready = new Promise<'ready'>(done => process.on('message', says => isReady(says) && done('ready')))
    return within(Promise.race([ready, ended.then(() => 'ended' as const)]), `the start of ${name}`, 60_000)
  }
  return {
    name,
    async start() {
      // One that comes up while the server is away gives up, and is started again, as systemd would.
      while ((await launch()) === 'ended' && child?.signalCode === null) await delay(RESTART_MS)
    },
    async kill() {
      signal('SIGKILL')
      await ended
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async stop() {
      signal('SIGCONT')
      signal('SIGTERM')
      const force = setTimeout(() => signal('SIGKILL'), 5000)
      await ended
      clearTimeout(force)
    },
  }
}

const RESTART_MS = 500
const isReady = (says: unknown): boolean => typeof says === 'object' && says !== null && 'ready' in says

/** Without what a test run sets for itself. */
function env(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, VITEST: __, ...rest } = process.env
  return { ...rest, NO_COLOR: '1' }
}
