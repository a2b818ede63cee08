// The processes under `reactor up`: started together, restarted with back-off when one dies, stopped together.
import { type ChildProcess, fork } from 'node:child_process'
import { formatDuration } from '../base/duration.ts'
import { type Code, ERROR_CODES, ReactorError } from '../base/errors.ts'
import type { Running } from '../base/service.ts'

/** What a supervised process tells over its channel. */
export type ChildMessage = { ready: Record<string, unknown> } | { failed: { code: string; message: string } }

/** In the environment of a process that is told over its channel when it may connect. */
export const TOLD_VARIABLE = 'REACTOR_TOLD_WHEN'
export interface GoMessage {
  go: true
}

export interface ChildSpec {
  name: string
  /** Arguments of the command `reactor`. */
  args: string[]
  /** It starts at once, and connects when this has resolved. */
  after?: Promise<unknown>
}

export interface Child extends Running {
  readonly name: string
  /** What it said when it became ready. */
  readonly facts: Record<string, unknown>
  /** The process as it runs now. */
  pid(): number | undefined
}

export interface SuperviseOptions {
  /** The program's main file. */
  main: string
  say(line: string): void
  /** Aborted: a process that is not ready yet is ended, and the start is given up. */
  signal?: AbortSignal
  /** Called with each process that is started, first or again. */
  launched?(process: ChildProcess): void
}

const FIRST_BACKOFF_MS = 500
const LAST_BACKOFF_MS = 30_000
/** A process that lived this long starts its back-off anew. */
const STEADY_MS = 60_000
const KILL_AFTER_MS = 3000

/** Resolves once the process is ready. Throws its own reason when it ends before that; later ends are said and mended. */
export async function superviseChild(spec: ChildSpec, options: SuperviseOptions): Promise<Child> {
  const { name } = spec
  const { signal } = options
  signal?.throwIfAborted()
  let stopping = false
  let current = launch(spec, options)
  let timer: NodeJS.Timeout | undefined
  let wake: () => void = () => undefined
  const facts = await readyUnless(current, signal)

  const keepAlive = async () => {
    let backoff = FIRST_BACKOFF_MS
    for (;;) {
      const began = Date.now()
      const ending = await current.ended
      if (stopping) return
      if (Date.now() - began > STEADY_MS) backoff = FIRST_BACKOFF_MS
      options.say(`${name} ended (${ending}); it is started again in ${formatDuration(backoff)}`)
      await new Promise<void>(resolve => {
        wake = resolve
        timer = setTimeout(resolve, backoff)
      })
      if (stopping) return
      backoff = Math.min(backoff * 2, LAST_BACKOFF_MS)
      current = launch(spec, options)
      current.ready.then(
        () => options.say(`${name} is running again`),
        (error: Error) => options.say(`${name} did not start: ${error.message}`),
      )
    }
  }
  const kept = keepAlive()

  return {
    name,
    facts,
    pid: () => current.process.pid,
    async stop() {
      stopping = true
      clearTimeout(timer)
      wake()
      await end(current.process, current.ended)
      await kept
    },
  }
}

/** What the process says when it is ready. Throws the signal's reason after the process has ended. */
async function readyUnless({ process, ready, ended }: Launched, signal: AbortSignal | undefined) {
  const onAbort = () => void end(process, ended)
  signal?.addEventListener('abort', onAbort)
  try {
    return await ready
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

interface Launched {
  process: ChildProcess
  ready: Promise<Record<string, unknown>>
  ended: Promise<string>
}

function launch({ name, args, after }: ChildSpec, { main, launched }: SuperviseOptions): Launched {
  const env = { ...process.env, [TOLD_VARIABLE]: after ? '1' : undefined }
  const child = fork(main, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env })
  launched?.(child)
  void after?.then(() => child.connected && child.send({ go: true } satisfies GoMessage, () => undefined))
  const ended = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
    child.once('error', error => resolve(error.message))
  })
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    let reason: ReactorError | undefined
    child.on('message', (message: ChildMessage) => {
      if ('ready' in message) resolve(message.ready)
      else reason = new ReactorError(knownCode(message.failed.code), `${name} did not start: ${message.failed.message}`)
    })
    void ended.then(ending =>
      reject(reason ?? new ReactorError('child_died', `${name} ended before it was ready (${ending})`)),
    )
  })
  // Who waits for it hears of it; a rejection after that is no news.
  ready.catch(() => undefined)
  return { process: child, ready, ended }
}

const knownCode = (code: string): Code => (code in ERROR_CODES ? (code as Code) : 'child_died')

async function end(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  await ended
  clearTimeout(force)
}
