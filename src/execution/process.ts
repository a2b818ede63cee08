// Runs one child process to its end: in a process group of its own, bounded in time and output, and killed as a whole.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { createCapture } from './capture.ts'
import { createGroupKiller, JobEnded } from './group.ts'
import { findProgram } from './program.ts'
import { openStdio, type Stdio } from './stdio.ts'

export const DEFAULT_OUTPUT_LIMIT = 1024 * 1024
/** How long the output is still read after the command has ended: a daemon that it left behind may hold it for ever. */
const DRAIN_MS = 1000

export interface ProcessOptions {
  argv: readonly string[]
  /** Folder to run in, absolute. */
  cwd: string
  /** The whole environment of the child; the parent's by default. */
  env?: Readonly<Record<string, string | undefined>>
  /** Text for its standard input; without it that is empty. */
  stdin?: string
  /** Milliseconds until the whole group is killed; no limit by default. */
  timeoutMs?: number
  /** Bytes kept of each stream. */
  outputLimit?: number
  /** Gives stderr's text in stdout, in the order in which it was written. */
  mergeStderr?: boolean
  /** Kills the whole group when it aborts; with a `JobEnded` the group has been told already. */
  signal?: AbortSignal
  /** The pid of the child, which leads the group. */
  onPid?(pid: number): void
}

export interface ProcessResult {
  /** Null when it could not be started. */
  pid: number | null
  /** The exit code; -N when signal N ended it, 124 on timeout, 126 not executable, 127 not found. */
  retcode: number
  stdout: string
  stderr: string
  /** Some output was cut; the text says how much and where. */
  truncated: boolean
  ending: 'exited' | 'signaled' | 'timed_out' | 'aborted' | 'not_started'
  /** Why it did not end by itself, one sentence; absent when it did. */
  reason?: string
}

/** Runs `argv` and resolves once it has ended, whatever the ending. Throws `bad_argument` where the request itself is wrong. */
export async function runProcess(options: ProcessOptions): Promise<ProcessResult> {
  checkOptions(options)
  const env = options.env ?? process.env
  const name = options.argv[0]!
  const program = findProgram(name, options.cwd, env.PATH)
  if (program.path === undefined) return notStarted(program.retcode, program.reason)
  if (options.signal?.aborted)
    return { ...notStarted(-constants.signals.SIGTERM, killedBy(options.signal)), ending: 'aborted' }
  const limit = options.outputLimit ?? DEFAULT_OUTPUT_LIMIT
  const stdout = createCapture(limit)
  const stderr = options.mergeStderr ? stdout : createCapture(limit)
  const ends = await openStdio(options)
  let child: ChildProcess & { pid: number }
  try {
    child = await launch(program.path, { ...options, env }, ends)
  } catch (error) {
    ends.destroy()
    return notStarted(...whyNotStarted(name, error))
  }
  const add = [stdout.add, stderr.add]
  const collected = ends.attach(child).map((reader, index) => collect(reader, add[index]!))
  const ended = await follow(child, options, Promise.all(collected.map(one => one.closed)))
  for (const one of collected) one.leave()
  const truncated = stdout.truncated() || stderr.truncated()
  return { ...ended, stdout: stdout.text(), stderr: stderr === stdout ? '' : stderr.text(), truncated }
}

async function launch(path: string, { argv, cwd, env }: ProcessOptions, ends: Stdio) {
  try {
    const child = spawn(path, argv.slice(1), { argv0: argv[0]!, cwd, env, stdio: ends.stdio, detached: true })
    if (child.pid === undefined) throw (await once(child, 'error'))[0]
    return child as ChildProcess & { pid: number }
  } finally {
    ends.closeChildEnds()
  }
}

type Ended = Pick<ProcessResult, 'pid' | 'retcode' | 'ending'> & { reason?: string }

/** Waits for the end of the child and of its output, and kills the group where the time is up or the job is killed. */
async function follow(
  child: ChildProcess & { pid: number },
  options: ProcessOptions,
  drained: Promise<unknown>,
): Promise<Ended> {
  const pid = child.pid
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  options.onPid?.(pid)
  const killer = createGroupKiller(pid)
  let cause: 'timed_out' | 'aborted' | undefined
  const kill = (why: 'timed_out' | 'aborted') => {
    cause ??= why
    killer.kill(why === 'aborted' && options.signal?.reason instanceof JobEnded)
  }
  const onAbort = () => kill('aborted')
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs, 'timed_out')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  const [code, signal] = await exit
  clearTimeout(timer)
  options.signal?.removeEventListener('abort', onAbort)
  await killer.done()
  await within(DRAIN_MS, drained)
  const own = signal === null ? (code ?? 0) : -constants.signals[signal]
  if (cause === 'timed_out') {
    const reason = `timed out after ${options.timeoutMs! / 1000} s: the command and all that it started were killed`
    return { pid, retcode: 124, ending: cause, reason }
  }
  if (cause === 'aborted') return { pid, retcode: own, ending: cause, reason: killedBy(options.signal!) }
  if (signal !== null) return { pid, retcode: own, ending: 'signaled', reason: `ended by signal ${signal}` }
  return { pid, retcode: own, ending: 'exited' }
}

function collect(reader: Readable, add: (chunk: Buffer) => void) {
  reader.on('data', add)
  const closed = new Promise<void>(resolve => {
    reader.once('error', () => reader.destroy())
    reader.once('close', () => resolve())
  })
  /** What a daemon goes on saying is read and dropped, so that it neither blocks nor dies of a broken pipe. */
  const leave = () => {
    if (reader.closed) return
    reader.off('data', add).resume()
    if (reader instanceof Socket) reader.unref()
  }
  return { closed, leave }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

function killedBy(signal: AbortSignal): string {
  return `killed with all that it started: ${errorMessage(signal.reason)}`
}

function notStarted(retcode: number, reason: string): ProcessResult {
  return { pid: null, retcode, stdout: '', stderr: '', truncated: false, ending: 'not_started', reason }
}

function whyNotStarted(name: string, error: unknown): [number, string] {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT')
    return [127, `'${name}' cannot be run: the interpreter that its first line names was not found`]
  if (code === 'E2BIG') return [126, `'${name}' cannot be run: its arguments and environment are too long`]
  return [126, `'${name}' cannot be run: ${errorMessage(error)}`]
}

function checkOptions({ argv, cwd, env, timeoutMs }: ProcessOptions): void {
  const texts = [...argv, cwd, ...Object.entries(env ?? {}).flat()]
  const refuse = (what: string) => new ReactorError('bad_argument', what)
  if (!argv[0]) throw refuse('the command is empty: give a program and its arguments')
  if (texts.some(text => text?.includes('\0'))) throw refuse('a command, its cwd and env cannot hold a NUL character')
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) throw refuse(`cwd: there is no folder '${cwd}'`)
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw refuse(`timeout: ${timeoutMs / 1000} s is out of range: give more than 0 and at most 24 days`)
  }
}
