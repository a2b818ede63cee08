import { watch } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findServer } from '../../src/bus/server/find.ts'
import { type DataFolder, openDataFolder } from '../../src/up/folder.ts'
import { startPrivateServer } from '../../src/up/private-server.ts'
import { isAlive } from '../e2e/reactor.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'

afterEach(() => vi.unstubAllEnvs())

/** A private server; from `hold` on its program writes its pid file and then never comes to take clients. */
async function setUp() {
  const dir = await testFolder()
  const folder = await openDataFolder(join(dir, 'var'))
  const { path: real } = await findServer()
  const held = join(dir, 'held')
  const binary = join(dir, 'nats-server')
  const script = [
    '#!/bin/sh',
    `if [ "$1" = -c ] && [ -e '${held}' ]; then echo $$ > '${folder.natsPid}'; while :; do sleep 1; done; fi`,
    `exec '${real}' "$@"`,
  ]
  await writeFile(binary, `${script.join('\n')}\n`)
  await chmod(binary, 0o755)
  vi.stubEnv('NATS_SERVER_BIN', binary)
  const said = createSeen<string>()
  const stop = new AbortController()
  const start = () =>
    startPrivateServer({
      folder,
      namespace: 'reactor',
      port: 0,
      identities: undefined,
      say: line => said.push(line),
      signal: stop.signal,
    })
  return { folder, said, stop, start, hold: () => writeFile(held, '') }
}

/** Resolves with the pid that the pid file gets and that is not `other`. */
async function nextPid(folder: DataFolder, other?: number): Promise<number> {
  const pids = createSeen<number>()
  // Not the iterator of node:fs/promises: on Node 20 it loses what changes while its reader is busy.
  const watcher = watch(dirname(folder.natsPid), async () => {
    pids.push(Number(await readFile(folder.natsPid, 'utf8').catch(() => '')))
  })
  return pids.find(pid => pid > 0 && pid !== other, 'a pid file').finally(() => watcher.close())
}

describe('the private nats-server', () => {
  it('writes its log itself, so that it keeps its size', async () => {
    const { folder, start } = await setUp()
    const server = await start()
    expect(await readFile(folder.natsLog, 'utf8')).toContain('Server is ready')
    const config = JSON.parse(await readFile(folder.natsConfig, 'utf8'))
    expect(config).toMatchObject({ log_file: folder.natsLog, logfile_size_limit: 16 * 1024 ** 2, logfile_max_num: 3 })
    await server.stop()
  })

  it('is ended when the start is given up before it takes clients', async () => {
    const { folder, stop, start, hold } = await setUp()
    await hold()
    const pid = nextPid(folder)
    const starting = start()
    const ended = expect(within(starting, 'the end of the start')).rejects.toThrow()
    const held = await pid
    expect(isAlive(held)).toBe(true)
    stop.abort()
    await ended
    expect(isAlive(held)).toBe(false)
  })

  it('is not started again when it is stopped while it waits to be', async () => {
    const { folder, said, start } = await setUp()
    const server = await start()
    const first = server.pid()
    process.kill(first, 'SIGKILL')
    await said.find(line => line.includes('nats-server ended (signal SIGKILL)'), 'the word of its end')
    await within(server.stop(), 'the stop')
    expect(said.items).toHaveLength(1)
    const last = Number(await readFile(folder.natsPid, 'utf8'))
    expect(isAlive(last)).toBe(false)
  })

  it('is ended when it is stopped while it is being started again', async () => {
    const { folder, said, start, hold } = await setUp()
    const server = await start()
    const first = server.pid()
    await hold()
    const again = nextPid(folder, first)
    process.kill(first, 'SIGKILL')
    const second = await again
    expect(isAlive(second)).toBe(true)
    await within(server.stop(), 'the stop')
    expect(isAlive(second)).toBe(false)
    expect(said.items).toHaveLength(1)
  })

  it('ends by its kill, and kills nobody once it has ended', async () => {
    const { said, start } = await setUp()
    const server = await start()
    const pid = server.pid()
    server.kill()
    await said.find(line => line.includes('nats-server ended'), 'the word of its end')
    expect(isAlive(pid)).toBe(false)
    expect(() => server.kill()).not.toThrow()
    await server.stop()
  })
})
