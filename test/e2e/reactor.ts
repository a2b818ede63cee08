// The real program for end-to-end tests: `reactor up` from the build, in folders of its own, and commands beside it.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../../src/base/json.ts'
import { isBelieved } from '../../src/protocol/belief.ts'
import { readOrigin } from '../../src/protocol/origin.ts'
import { holdToCatalogue } from '../helpers/conformance.ts'
import { createSeen, type Seen, within } from '../helpers/wait.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
export const MAIN = join(ROOT, 'dist/cli/main.js')
/** The rules that ship. */
export const SHIPPED_RULES = join(ROOT, 'reactors')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a command to its end; `onSpawn` may talk to it. */
export function command(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; onSpawn?(child: ChildProcess): void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  child.stdin.end(options.input ?? '')
  options.onSpawn?.(child)
  return within(
    new Promise<Ended>(done => child.once('close', code => done({ code, stdout, stderr }))),
    `the end of reactor ${args.join(' ')}`,
    60_000,
  ).finally(() => child.kill('SIGKILL'))
}

/** One line of `tail --json`. */
export interface SeenLine {
  tag: string
  data: Record<string, unknown>
  origin: string
  stamp: string
  id: string
}

export interface ReadyLine {
  ready: true
  server: string
  namespace: string
  data: string
  rules: { folder: string; loaded: number; problems: number }
  minion: string
  processes: Record<string, number>
  pid: number
  ms: number
}

export interface Running {
  readonly ready: ReadyLine
  readonly dir: string
  readonly process: ChildProcess
  /** Events as they come, and reactions. */
  readonly lines: Seen<SeenLine & Record<string, unknown>>
  /** What it says on stderr. */
  readonly said: Seen<string>
  /** A command of the same folder. */
  run(...args: string[]): Promise<Ended>
  /** Ctrl-C, and its exit code. */
  stop(): Promise<number | null>
  /** `stop`, and the folder is gone. */
  clean(): Promise<void>
}

export interface UpSettings {
  /** Keep a folder over several runs. */
  dir?: string
  args?: string[]
  config?: Record<string, unknown>
  /** A folder of rules; without one there are none, so that only the test's own words start jobs. */
  rules?: string
  env?: NodeJS.ProcessEnv
}

/** Starts `reactor up` on a free port; resolves at its ready line, rejects with what it said when it ends before. */
export async function startReactor(settings: UpSettings = {}): Promise<Running> {
  const dir = settings.dir ?? (await mkdtemp(join(tmpdir(), 'reactor-e2e-')))
  const config = join(dir, 'config.json')
  await writeFile(config, JSON.stringify(settings.config ?? {}))
  const rules = settings.rules ?? join(dir, 'no-rules')
  await mkdir(rules, { recursive: true })
  const args = [
    'up',
    '--json',
    '--port',
    '0',
    '--data',
    join(dir, 'var'),
    '--config',
    config,
    '--rules',
    rules,
    ...(settings.args ?? []),
  ]
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: dir,
    env: { ...process.env, ...settings.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = createSeen<SeenLine & Record<string, unknown>>()
  const said = createSeen<string>()
  const ended = new Promise<number | null>(done => child.once('close', done))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  void ended.then(() => process.off('exit', kill))
  createInterface(child.stderr).on('line', line => said.push(line))
  const readyLine = createSeen<ReadyLine>()
  createInterface(child.stdout).on('line', line => {
    const value = JSON.parse(line)
    if (value.ready === true) readyLine.push(value)
    else {
      if (isEventLine(value)) holdLine(value)
      lines.push(value)
    }
  })
  const ready = await Promise.race([
    readyLine.find(() => true, 'the ready line'),
    ended.then(code => Promise.reject(new Error(`reactor up ended with ${code}: ${said.items.join('\n')}`))),
  ]).catch(error => {
    child.kill('SIGTERM')
    throw error
  })
  const stop = () => {
    child.kill('SIGINT')
    return within(ended, 'the end of reactor up')
  }
  return {
    ready,
    dir,
    process: child,
    lines,
    said,
    run: (...words) => command(words, { cwd: dir }),
    stop,
    async clean() {
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Reactions are lines too. */
const isEventLine = (line: Record<string, unknown>): line is SeenLine & Record<string, unknown> =>
  typeof line.tag === 'string' && typeof line.origin === 'string' && isObject(line.data)

function holdLine({ tag, data, origin: text }: SeenLine): void {
  const origin = readOrigin(text)
  holdToCatalogue({ tag, data, origin, believed: isBelieved(origin, tag) })
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The numbers of events `effect/<n>` that runner functions fire from now on. */
export async function watchEffects(nc: NatsConnection): Promise<Seen<number>> {
  const effects = createSeen<number>()
  nc.subscribe('reactor.live._jobs.effect.*', {
    callback: (_error, message) => effects.push(message.json<{ data: { n: number } }>().data.n),
  })
  await nc.flush()
  return effects
}
