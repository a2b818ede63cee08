import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '../helpers/server.ts'
import { command, isAlive, type Running, SHIPPED_RULES, startReactor } from './reactor.ts'

describe('reactor up', () => {
  let reactor: Running
  beforeAll(async () => {
    reactor = await startReactor({ args: ['--id', 'web1'], rules: SHIPPED_RULES })
  })
  afterAll(() => reactor.clean())

  it('says in one JSON line where the server is, what is loaded and what runs', () => {
    expect(reactor.ready).toMatchObject({
      server: expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/),
      namespace: 'reactor',
      data: join(reactor.dir, 'var'),
      rules: {
        loaded: 6,
        problems: 0,
        missing: [{ profile: 'deploy-hook' }, { profile: 'ops-mail' }, { profile: 'ops-mail' }],
      },
      minion: 'web1',
    })
    expect(Object.keys(reactor.ready.processes).sort()).toEqual([
      'cache',
      'jobs',
      'master',
      'minion',
      'nats-server',
      'react',
      'schedule',
    ])
  })

  it('keeps its keys in files that only the owner reads', async () => {
    const keys = join(reactor.dir, 'var/keys')
    for (const file of await readdir(keys)) expect((await stat(join(keys, file))).mode & 0o777, file).toBe(0o600)
    expect((await stat(join(reactor.dir, 'var/nats/nats.conf'))).mode & 0o777).toBe(0o600)
  })

  it('listens on loopback only', async () => {
    const port = Number(new URL(reactor.ready.server).port)
    const outside = Object.values(networkInterfaces()).flatMap(addresses =>
      (addresses ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
    )
    for (const { address } of [...outside, { address: '127.0.0.2' }])
      expect(await connects(address, port), address).toBe(false)
    expect(await connects('127.0.0.1', port)).toBe(true)
  })

  it('lets the commands of its folder find it by themselves', async () => {
    const { stdout, code } = await reactor.run('call', '*', 'test.ping')
    expect({ stdout, code }).toEqual({ stdout: 'web1:\n    True\n', code: 0 })
  })

  it('shows each event as a JSON line', async () => {
    await reactor.run('send', 'my/own/tag', '{"n": 1}')
    const line = await reactor.lines.find(({ tag }) => tag === 'my/own/tag', 'the event in the tail')
    expect(line).toMatchObject({
      tag: 'my/own/tag',
      data: { n: 1 },
      origin: '_user-admin',
      stamp: expect.any(String),
      id: expect.any(String),
    })
  })

  it('refuses a second up in the same data folder', async () => {
    const { code, stderr } = await command(['up', '--port', '0', '--data', join(reactor.dir, 'var')])
    expect(stderr).toMatch(/a reactor is running with the data folder .* already \(pid \d+\)/)
    expect(code).toBe(69)
  })

  it('starts a process that dies again, and says so', async () => {
    process.kill(reactor.ready.processes.master!, 'SIGKILL')
    await reactor.said.find(line => line.includes('master ended (signal SIGKILL)'), 'the word that master died')
    await reactor.said.find(line => line.includes('master is running again'), 'the word that master runs again')
    expect((await reactor.run('wheel', 'minions.connected')).code).toBe(0)
  })

  it('survives a kill -9 of its nats-server, with every process', async () => {
    const before = new Set(reactor.lines.items)
    const isBack = (line: (typeof reactor.lines.items)[number]) =>
      line.tag === 'salt/minion/web1/start' && !before.has(line)
    process.kill(reactor.ready.processes['nats-server']!, 'SIGKILL')
    await reactor.said.find(
      line => line.includes('nats-server is running again'),
      'the word that the server runs again',
    )
    await reactor.run('send', 'after/the/kill')
    await reactor.lines.find(({ tag }) => tag === 'after/the/kill', 'an event after the kill')
    await reactor.lines.find(isBack, 'the minion')
    const { stdout } = await reactor.run('call', '*', 'test.ping')
    expect(stdout).toBe('web1:\n    True\n')
  })
})

describe('stopping and starting again', () => {
  it('ends cleanly on Ctrl-C, leaves no process behind, and goes on with the same data', async () => {
    const first = await startReactor()
    await first.run('send', 'remember/me', '{"n": 1}')
    const children = Object.values(first.ready.processes)
    expect(children.filter(isAlive)).toHaveLength(7)
    expect(await first.stop()).toBe(0)
    expect(children.filter(isAlive)).toEqual([])

    const second = await startReactor({ dir: first.dir })
    const { stdout } = await second.run('tail', 'remember/*', '--since', '1h', '--count', '1', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ tag: 'remember/me', data: { n: 1 } })
    await second.clean()
  })

  it('cleans up after a run that was killed', async () => {
    const first = await startReactor()
    first.process.kill('SIGKILL')
    await first.said.reach(0)
    const second = await startReactor({ dir: first.dir })
    expect((await second.run('call', '*', 'test.ping')).code).toBe(0)
    await second.clean()
  })
})

describe('what cannot start says why, in one sentence, with an exit code', () => {
  it('a port that is taken', async () => {
    const taken = createServer()
    const port = await new Promise<number>(done =>
      taken.listen(0, '127.0.0.1', () => done((taken.address() as { port: number }).port)),
    )
    const { code, stderr } = await up('--port', String(port))
    expect(stderr).toContain(String(port))
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(69)
    taken.close()
  })

  it('a data folder that is a file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    await writeFile(join(dir, 'var'), '')
    const { code, stderr } = await command(['up', '--port', '0', '--data', join(dir, 'var')])
    expect(stderr).toMatch(/the data folder .* cannot be written .* name another with --data DIR/)
    expect(code).toBe(73)
    await rm(dir, { recursive: true })
  })

  it('a server that is too old', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const old = join(dir, 'nats-server')
    await writeFile(old, '#!/bin/sh\necho "nats-server: v2.9.10"\n')
    await chmod(old, 0o755)
    const { code, stderr } = await command(['up', '--port', '0', '--data', join(dir, 'var')], {
      env: { NATS_SERVER_BIN: old },
    })
    expect(stderr).toMatch(/2\.9\.10.*2\.12/)
    expect(code).toBe(69)
    await rm(dir, { recursive: true })
  })

  it('rules that are not there', async () => {
    const { code, stderr } = await up('--port', '0', '--rules', '/nowhere/rules')
    expect(stderr).toContain('the rules folder /nowhere/rules does not exist')
    expect(code).not.toBe(0)
  })

  it('a process that dies at its start: a module of one’s own that does not load', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const config = join(dir, 'reactor.yaml')
    await writeFile(config, 'module_dirs: [/etc/hostname]\n')
    const { code, stderr } = await command(['up', '--port', '0', '--data', join(dir, 'var'), '--config', config])
    expect(stderr).toMatch(/cannot read the module folder \/etc\/hostname/)
    expect(code).not.toBe(0)
    await rm(dir, { recursive: true })
  })

  it('an unknown setting', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const config = join(dir, 'reactor.yaml')
    await writeFile(config, 'namespaces: x\n')
    const { code, stderr } = await command(['up', '--port', '0', '--data', join(dir, 'var'), '--config', config])
    expect(stderr).toContain("unknown setting 'namespaces'. Did you mean 'namespace'?")
    expect(code).toBe(78)
    await rm(dir, { recursive: true })
  })
})

describe('reactor up --nats', () => {
  it('refuses a bare server that it was not told of, and says what to do', async () => {
    const server = await startTestServer()
    const { code, stderr } = await up('--nats', server.url)
    expect(stderr).toMatch(/lets anybody in: include .*accounts\.conf in its config, or pass --isolation none/)
    expect(code).toBe(77)
    await server.stop()
  })

  it('runs on a server that includes the accounts it wrote', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const bare = await startTestServer()
    await command(['up', '--data', join(dir, 'var'), '--nats', bare.url, '--id', 'web1'])
    await bare.stop()
    const server = await startTestServer({
      config: `include ${JSON.stringify(join('..', relative(tmpdir(), join(dir, 'var/nats/accounts.conf'))))}\n`,
    })
    const reactor = await startReactor({ dir, args: ['--nats', server.url, '--id', 'web1'] })
    expect(await reactor.run('call', '*', 'test.ping')).toMatchObject({ code: 0, stdout: 'web1:\n    True\n' })
    await reactor.clean()
    await server.stop()
  })

  it('runs on a bare server that is there already, when told that it has no accounts', async () => {
    const server = await startTestServer()
    const reactor = await startReactor({ args: ['--nats', server.url, '--isolation', 'none'] })
    expect(reactor.ready.server).toBe(server.url)
    expect((await reactor.run('call', '*', 'test.ping')).code).toBe(0)
    await reactor.said.find(line => line.includes('isolation is none'), 'the warning')
    await reactor.clean()
    await server.stop()
  })
})

async function up(...args: string[]) {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
  const ended = await command(['up', '--data', join(dir, 'var'), ...args])
  await rm(dir, { recursive: true, force: true })
  return ended
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ host, port, timeout: 1000 })
    const end = (connected: boolean) => {
      socket.destroy()
      resolve(connected)
    }
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false))
  })
}
