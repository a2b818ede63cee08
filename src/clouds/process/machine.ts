// The machine itself: a small program that stands where a virtual machine would. It answers on loopback to who has its token,
// is given the config of its minion there, runs that minion and starts it again when it dies. Its folder is its only disk: when
// that is gone, it ends.
import { type ChildProcess, fork } from 'node:child_process'
import { timingSafeEqual } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { processStart } from '../../base/process-start.ts'
import { identityIn } from '../../bus/identity.ts'
import { endMarked } from './end.ts'
import { type Born, type Running, readBorn, turnLog, writeRunning } from './folder.ts'

const REACTOR = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const FIRST_BACKOFF_MS = 500
const LAST_BACKOFF_MS = 30_000
const STEADY_MS = 60_000
const STOP_WITHIN_MS = 3000
const LOOK_MS = 2000
const LOG_BYTES = 1024 * 1024

const folder = process.argv[2]!
const born = (await readBorn(folder)) as Born
const running: Running = { pid: process.pid, start: processStart(process.pid) }
await writeRunning(folder, running)

let minion: ChildProcess | undefined
let config: string | undefined
let backoff = FIRST_BACKOFF_MS
let stopping = false

const say = (text: string): void => console.error(`${new Date().toISOString()} ${text}`)

/** What it says of itself is written one after the other. */
let writing = Promise.resolve()
function tell(): Promise<void> {
  writing = writing
    .then(() => writeRunning(folder, running))
    .catch(error => say(`cannot write: ${errorMessage(error)}`))
  return writing
}

function startMinion(file: string): void {
  const began = Date.now()
  // It ends by itself when this process is gone, as everything on a machine that loses power.
  const child = fork(REACTOR, ['minion', '--config', file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [`--max-old-space-size=${born.size}`],
  })
  minion = child
  if (child.pid !== undefined) running.minion = { pid: child.pid, start: processStart(child.pid) }
  void tell()
  let over = false
  const ended = (how: string) => {
    if (over) return
    over = true
    if (stopping) return
    if (Date.now() - began > STEADY_MS) backoff = FIRST_BACKOFF_MS
    say(`the minion ended (${how}); it is started again in ${backoff} ms`)
    setTimeout(() => stopping || startMinion(file), backoff)
    backoff = Math.min(backoff * 2, LAST_BACKOFF_MS)
  }
  child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
  child.once('error', error => ended(errorMessage(error)))
}

async function deploy(given: Record<string, unknown>): Promise<{ public_key: string }> {
  const dir = join(folder, 'minion')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const own = { ...given, minion: { ...(isObject(given.minion) ? given.minion : {}), dir } }
  const file = join(folder, 'minion.json')
  await writeFile(file, JSON.stringify(own), { mode: 0o600 })
  // The minion's own key, made here: its seed leaves this machine never.
  const public_key = await identityIn(join(dir, 'minion.nk'))
  running.public_key = public_key
  await tell()
  if (config === undefined) startMinion(file)
  config = file
  return { public_key }
}

function isProvider(request: IncomingMessage): boolean {
  const given = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${born.token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
  if (!isProvider(request)) return [401, { error: 'who asks is not the provider of this machine' }]
  const what = `${request.method} ${request.url}`
  if (what === 'GET /') return [200, { id: born.id }]
  if (what !== 'PUT /minion') return [404, { error: `${what} is nothing that a machine does` }]
  const given = await json(request)
  if (!isObject(given)) return [400, { error: 'expected the config of a minion, as a map' }]
  return [200, await deploy(given)]
}

const server = createServer((request, response) => {
  const reply = ([status, body]: [number, unknown]) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  answer(request).then(reply, error => reply([500, { error: errorMessage(error) }]))
})

async function stop(why: string): Promise<void> {
  if (stopping) return
  stopping = true
  say(`the machine ends: ${why}`)
  server.close()
  const child = minion
  if (child && child.exitCode === null && child.signalCode === null) {
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    await ended
  }
  const left = await endMarked(born.id)
  if (left.length > 0) say(`processes do not end: ${left.join(', ')}`)
  process.exit(0)
}

process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))
// Its provider's terminal is no matter to it.
process.on('SIGHUP', () => undefined)

setInterval(async () => {
  const still = await readBorn(folder).catch(() => undefined)
  if (still?.id !== born.id) return stop('its folder is gone')
  await turnLog(folder, LOG_BYTES).catch(error => say(`the log cannot be turned: ${errorMessage(error)}`))
}, LOOK_MS)

server.listen(0, '127.0.0.1', () => {
  running.port = (server.address() as AddressInfo).port
  void tell()
})
