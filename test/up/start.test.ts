import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { command, isAlive, startReactor } from '../e2e/reactor.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'

/** A port that takes whoever comes and says nothing. */
async function listen(server: Server): Promise<number> {
  onTestFinished(() => void server.close())
  return new Promise(done => {
    server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port))
  })
}

/** Pids that processes tell from within a module: `tell` is the line of the module that does so. */
async function createDoorbell() {
  const pids = createSeen<number>()
  const port = await listen(createServer(socket => void socket.on('data', text => pids.push(Number(text)))))
  const tell = `import { connect } from 'node:net'\nawait new Promise(done => connect(${port}, '127.0.0.1').end(String(process.pid), done))`
  return { pids, tell }
}

/** Runs `up` with modules of one's own, whose text is given by `folder/file`. */
async function up(modules: Record<string, string>, talk?: (child: ChildProcess, said: () => string) => void) {
  const dir = await testFolder()
  for (const [file, text] of Object.entries(modules)) {
    await mkdir(join(dir, file, '..'), { recursive: true })
    await writeFile(join(dir, file), text)
  }
  const config = join(dir, 'config.json')
  await writeFile(config, JSON.stringify({ module_dirs: [dir] }))
  let said = ''
  const ended = command(['up', '--port', '0', '--data', join(dir, 'var'), '--config', config, '--id', 'web1'], {
    onSpawn(child) {
      child.stderr?.on('data', text => {
        said += text
      })
      talk?.(child, () => said)
    },
  })
  const natsPid = async () => Number(await readFile(join(dir, 'var/nats/nats.pid'), 'utf8'))
  return { ended, natsPid }
}

const onMinion = (text: string) => `if (process.argv.includes('minion')) {\n${text}\n}\n`
const WAITS = 'await new Promise(() => setInterval(() => {}, 1000))'
const SPINS = 'for (;;);'
const imports = (tell: string, then: string) => {
  const [first, second] = tell.split('\n')
  return `${first}\n${onMinion(`${second}\n${then}`)}`
}

describe('reactor up that cannot start', () => {
  it('ends with the reason of the first process that failed, while another would wait for ever', async () => {
    const { pids, tell } = await createDoorbell()
    const { ended } = await up({
      'modules/waits.mjs': imports(tell, WAITS),
      'runners/broken.mjs': "throw new Error('out of order')\n",
    })
    const { code, stderr } = await ended
    expect(stderr).toMatch(/jobs did not start: .*broken\.mjs does not load: out of order/)
    expect(code).toBe(78)
    expect(pids.items.filter(isAlive)).toEqual([])
  })

  it.each([['none'], ['accounts']])('says in one sentence that the server does not answer: %s', async isolation => {
    const args = ['--nats', 'nats://127.0.0.1:9', '--isolation', isolation, '--data', await testFolder()]
    const { code, stderr } = await command(['up', ...args])
    expect(stderr).toMatch(/^reactor: no NATS server answers at nats:\/\/127\.0\.0\.1:9 .*\n$/)
    expect(code).toBe(69)
  })

  it('refuses a server elsewhere without accounts', async () => {
    const args = ['--nats', 'nats://10.1.2.3:4222', '--isolation', 'none', '--data', await testFolder()]
    const { code, stderr } = await command(['up', ...args])
    expect(stderr).toMatch(/^reactor: isolation is none, but the NATS server 10\.1\.2\.3 is not on loopback.*\n$/)
    expect(code).toBe(78)
  })
})

describe('Ctrl-C while reactor up starts', () => {
  it('ends the wait for a server that takes the connection and says nothing', async () => {
    const came = createSeen<true>()
    const port = await listen(createServer(() => came.push(true)))
    let child: ChildProcess | undefined
    const ended = command(
      ['up', '--nats', `nats://127.0.0.1:${port}`, '--isolation', 'none', '--data', await testFolder()],
      {
        onSpawn: spawned => {
          child = spawned
        },
      },
    )
    await came.reach(1)
    child?.kill('SIGINT')
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('stops every process and the server', async () => {
    const { pids, tell } = await createDoorbell()
    let child: ChildProcess | undefined
    const { ended, natsPid } = await up({ 'modules/waits.mjs': imports(tell, WAITS) }, spawned => {
      child = spawned
    })
    const [minion] = await pids.reach(1)
    const nats = await natsPid()
    expect([minion!, nats].filter(isAlive)).toEqual([minion, nats])
    child?.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0, stdout: '' })
    expect([minion!, nats].filter(isAlive)).toEqual([])
  })

  it('a second time waits for nothing, and leaves nothing', async () => {
    const { pids, tell } = await createDoorbell()
    let child: ChildProcess | undefined
    const { ended } = await up({ 'modules/spins.mjs': imports(tell, SPINS) }, (spawned, said) => {
      child = spawned
      // Said by a stop that waits, here for a process that does not listen.
      spawned.stderr?.on('data', () => said().includes('Ctrl-C again') && spawned.kill('SIGINT'))
    })
    await pids.reach(1)
    child?.kill('SIGINT')
    // This waits for the end of everybody who has its stderr, and so for the minion's.
    expect((await ended).code).toBe(130)
  })
})

describe('Ctrl-C while something is down', () => {
  it('ends what waits to be started again: a process, and the server', async () => {
    const reactor = await startReactor()
    const { processes } = reactor.ready
    process.kill(processes.master!, 'SIGKILL')
    await reactor.said.find(line => line.includes('master ended'), 'the word that master died')
    process.kill(processes['nats-server']!, 'SIGKILL')
    await reactor.said.find(line => line.includes('nats-server ended'), 'the word that the server died')
    expect(await reactor.stop()).toBe(0)
    const nats = Number(await readFile(join(reactor.dir, 'var/nats/nats.pid'), 'utf8').catch(() => '0'))
    expect([...Object.values(processes), ...(nats > 0 ? [nats] : [])].filter(isAlive)).toEqual([])
    await reactor.clean()
  })
})

describe('a process alone that fails at its start', () => {
  it('ends with its exit code, even where a module holds the loop', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'wheels'))
    await writeFile(join(dir, 'wheels/holds.mjs'), 'setInterval(() => {}, 1000)\n')
    const config = join(dir, 'config.json')
    await writeFile(config, JSON.stringify({ module_dirs: [dir], profiles: { smtp: { ops: { username: 'u' } } } }))
    const { code, stderr } = await command(['master', '--config', config])
    expect(stderr).toMatch(/^reactor: .*smtp profile 'ops'.*\n$/)
    expect(code).toBe(78)
  })
})
