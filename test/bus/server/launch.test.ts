import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { findServer } from '../../../src/bus/server/find.ts'
import { type Ending, type LaunchOptions, launchServer } from '../../../src/bus/server/launch.ts'
import { startupFailure } from '../../../src/bus/server/startup-failure.ts'
import { startTestServer } from '../../helpers/server.ts'

const { path: binary } = await findServer()

async function folder(config = '', port = -1): Promise<LaunchOptions & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-launch-'))
  const portsDir = join(dir, 'ports')
  const configFile = join(dir, 'nats.conf')
  await writeFile(configFile, `host: 127.0.0.1\nport: ${port}\nports_file_dir: "${portsDir}"\n${config}\n`)
  return { dir, binary, configFile, portsDir, logFile: join(dir, 'nats.log') }
}

/** A program that stands in for a nats-server and does what no real one can be brought to do. */
async function standIn(options: { dir: string }, body: string): Promise<string> {
  const file = join(options.dir, 'stand-in')
  await writeFile(file, `#!/bin/sh\ncd '${options.dir}'\n${body}\n`)
  await chmod(file, 0o755)
  return file
}

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('launching a nats-server', () => {
  it('takes clients as soon as it is resolved, and is gone after stop, however often that is called', async () => {
    const endings: Ending[] = []
    const server = await launchServer({ ...(await folder()), onExit: ending => void endings.push(ending) })
    const client = await connect({ servers: server.url })
    expect(client.info?.version).toMatch(/^2\./)
    await client.close()
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    expect(alive(server.pid)).toBe(false)
    expect(endings).toEqual([])
  })

  it('runs in a session of its own, so that the Ctrl-C of a terminal does not reach it', async () => {
    const server = await launchServer(await folder())
    try {
      if (process.platform === 'linux') {
        const [group, session] = (await readFile(`/proc/${server.pid}/stat`, 'utf8'))
          .split(') ')[1]!
          .split(' ')
          .slice(2)
        expect([group, session]).toEqual([String(server.pid), String(server.pid)])
      } else process.kill(-server.pid, 0)
    } finally {
      await server.stop()
    }
  })

  it('tells of a server that ends by itself', async () => {
    let tell: (ending: Ending) => void = () => {}
    const told = new Promise<Ending>(resolve => {
      tell = resolve
    })
    const server = await launchServer({ ...(await folder()), onExit: tell })
    process.kill(server.pid, 'SIGKILL')
    expect(await told).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
    await server.stop()
  })

  it('names a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    await expect(launchServer(await folder('', port))).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port} of 127.0.0.1 is taken by another process`),
    })
    taken.close()
  })

  it('says so when the store cannot be written', async () => {
    const options = await folder(`jetstream { store_dir: "/dev/null/store" }`)
    await expect(launchServer(options)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('storage directory is not a directory'),
    })
  })

  it('says so when its own folders cannot be made', async () => {
    const options = { ...(await folder()), portsDir: '/dev/null/ports' }
    await expect(launchServer(options)).rejects.toMatchObject({ code: 'unwritable' })
  })

  it("gives nats-server's own line for a config error", async () => {
    const options = await folder('colour: red')
    await expect(launchServer(options)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/nats\.conf:4:1: unknown field "colour"/),
    })
  })

  it('does not take an old log for the reason of a new failure', async () => {
    const options = await folder()
    await writeFile(
      options.logFile,
      '[1] 2026/01/01 00:00:00.000000 [FTL] listen tcp 127.0.0.1:1: bind: address already in use\n',
    )
    const dies = await standIn(options, 'echo out of luck; exit 3')
    await expect(launchServer({ ...options, binary: dies })).rejects.toMatchObject({
      code: 'child_died',
      message: 'nats-server ended before it was ready (exit code 3): out of luck',
    })
  })

  it('gives up on a server that is neither ready nor ends, and ends it', async () => {
    const options = await folder()
    const hangs = await standIn(options, 'echo $$ > pid\nexec sleep 600')
    await expect(launchServer({ ...options, binary: hangs, readyWithinMs: 300 })).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining(options.logFile),
    })
    expect(alive(Number(await readFile(join(options.dir, 'pid'), 'utf8')))).toBe(false)
  })

  it('kills a server that does not heed SIGTERM', async () => {
    const options = await folder()
    const stubborn = await standIn(
      options,
      `trap '' TERM\necho '{"nats":["nats://127.0.0.1:1"]}' > ports/x_$$.ports\nwhile :; do sleep 0.05; done`,
    )
    const server = await launchServer({ ...options, binary: stubborn, killAfterMs: 50 })
    await server.stop()
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('does not believe the ports file of a server that is gone', async () => {
    const options = await folder()
    await mkdir(options.portsDir)
    const stale = join(options.portsDir, 'nats-server_4194305.ports') // above the largest pid there can be
    await writeFile(stale, '{"nats":["nats://127.0.0.1:1"]}')
    const server = await launchServer(options)
    await server.stop()
    await expect(readFile(stale)).rejects.toThrow('ENOENT')
  })

  it('refuses a binary that is not there', async () => {
    await expect(launchServer({ ...(await folder()), binary: '/nowhere/nats-server' })).rejects.toMatchObject({
      code: 'server_missing',
    })
  })
})

describe('the reason of a failed start', () => {
  it('is the fatal line, also of a panic, without the stamp', () => {
    const log = 'panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n'
    expect(startupFailure(log, 'exit code 2', 'x').message).toContain('panic: runtime error: index out of range')
  })

  it('is not an unwritable folder when a low port is refused', () => {
    const line =
      '[1] 2026/01/01 00:00:00.000000 [FTL] Error listening on port: h:80, "listen tcp h:80: bind: permission denied"'
    expect(startupFailure(line, 'exit code 1', 'x')).toMatchObject({ code: 'child_died' })
  })
})

describe('the test server', () => {
  it('has JetStream and leaves nothing behind', async () => {
    const server = await startTestServer({ config: 'server_name: here' })
    const client = await connect({ servers: server.url })
    expect(client.info).toMatchObject({ jetstream: true, server_name: 'here' })
    await client.close()
    await server.stop()
    await expect(readFile(server.storeDir)).rejects.toThrow('ENOENT')
  })
})
