// Each command as people and scripts use it: what it prints, where, and its exit code.
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, ROOT, type Running, startReactor } from './reactor.ts'

/** A listener whose process stands still: the kernel takes connections for it, as many as its backlog holds. */
const MUTE = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(workerData, 0, 0)
  })
`

let reactor: Running
beforeAll(async () => {
  reactor = await startReactor({ args: ['--id', 'web1'] })
})
afterAll(() => reactor.clean())

const run = (...words: string[]) => reactor.run(...words)
describe('a wrong word', () => {
  it('is told by the program’s name, with the help of its own command', async () => {
    const said = (stderr: string) => ({ code: 64, stdout: '', stderr })
    expect(await run('call')).toEqual(
      said("reactor: missing required argument 'tgt'\n(reactor call --help says more)\n"),
    )
    expect(await run('jobs', 'show')).toEqual(
      said("reactor: missing required argument 'jid'\n(reactor jobs show --help says more)\n"),
    )
    expect(await run('--nope')).toEqual(said("reactor: unknown option '--nope'\n(reactor --help lists the commands)\n"))
  })
})

describe('reactor run and wheel', () => {
  it('what a runner asks of the master is asked by who called the runner', async () => {
    expect((await run('run', 'manage.list_state')).stdout).toBe('- web1\n')
    const ran = await reactor.lines.find(({ data }) => data?.fun === 'runner.manage.list_state', 'the runner')
    const asked = await reactor.lines.find(({ data }) => data?.fun === 'wheel.minions.connected', 'what it asks')
    expect([ran.data.user, asked.data.user]).toEqual(['admin', 'admin'])
  })

  it('print the return', async () => {
    expect(await run('run', 'test.arg', '1', 'k=v')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('k:'),
    })
    const { stdout } = await run('run', '--json', 'test.arg', '1', 'k=v')
    expect(JSON.parse(stdout)).toEqual({ args: [1], kwargs: { k: 'v' } })
    expect(await run('wheel', 'minions.connected')).toEqual({ code: 0, stdout: '- web1\n', stderr: '' })
  })

  it('hand a map as last argument over as a map', async () => {
    const { stdout } = await run('run', '--json', 'test.arg', '{a: 1}')
    expect(JSON.parse(stdout)).toEqual({ args: [{ a: 1 }], kwargs: {} })
  })

  it('end with 1 when the function fails, or is not there', async () => {
    expect(await run('run', 'test.fail', 'no disk')).toEqual({ code: 1, stdout: '', stderr: 'reactor: no disk\n' })
    expect(await run('run', 'test.arx')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Did you mean 'test.arg'?"),
    })
    expect(await run('wheel', '--json', 'minions.conected')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^\{"error":\{"code":"unknown_function".*Did you mean 'minions\.connected'/),
    })
    expect(await run('run', 'test.sleep', 'x')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("argument 'length'"),
    })
  })

  it('show the help of the functions with -d', async () => {
    const all = await run('wheel', '-d')
    expect(all.stdout).toMatch(/^config\.values:\n\n/m)
    const one = await run('run', '-d', 'test.sleep')
    expect(one.stdout).toMatch(/^test\.sleep:\n\n.*Waits that many seconds/s)
    expect(one.stdout).not.toContain('test.arg')
  })

  it('end with 75 when no return comes in time', async () => {
    expect(await run('run', '-t', '200ms', 'test.sleep', '2')).toMatchObject({ code: 75 })
  })

  it('need a function', async () => {
    expect((await run('run')).code).toBe(64)
  })
})

describe('reactor send', () => {
  it('says that the event is stored, with its id and sequence', async () => {
    const { code, stdout } = await run('send', 'my/tag', '{"n": 1}')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^stored my\/tag as event [\w-]{22} \(sequence \d+\)\n$/)
  })

  it('reads the data from standard input with -', async () => {
    const { code, stdout } = await command(['send', '--json', 'my/stdin', '-'], {
      cwd: reactor.dir,
      input: '{"from": "stdin"}',
    })
    expect(code).toBe(0)
    const sent = JSON.parse(stdout)
    expect(sent).toEqual({ tag: 'my/stdin', id: expect.any(String), seq: expect.any(Number) })
    const seen = await reactor.lines.find(({ id }) => id === sent.id, 'the event')
    expect(seen).toMatchObject({ tag: 'my/stdin', data: { from: 'stdin' }, origin: '_user-admin' })
  })

  it.each([
    ['no JSON', '{oops', 'the data is no JSON'],
    ['no map', '[1]', 'the data must be a JSON map'],
  ])('refuses data that is %s', async (_what, data, message) => {
    expect(await run('send', 'my/tag', data)).toMatchObject({
      code: 65,
      stdout: '',
      stderr: expect.stringContaining(message),
    })
  })

  it('takes any tag as it is, and refuses one that is too long', async () => {
    const tag = 'odd/../*/>/ä ö/'
    await run('send', tag)
    await reactor.lines.find(line => line.tag === tag, 'the odd event')
    expect(await run('send', 'x'.repeat(4000))).toMatchObject({
      code: 65,
      stderr: expect.stringContaining('shorten the tag'),
    })
  })
})

describe('reactor check', () => {
  it('ends with 0 on rules that load', async () => {
    expect(await command(['check'])).toMatchObject({ code: 0, stdout: '6 rules in 6 files are fine\n', stderr: '' })
    const { stdout } = await command(['check', '--json', join(ROOT, 'reactors/hello.yaml')])
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, rules: [{ rule: 'hello', line: 3 }], problems: [] })
  })

  it('ends with 1 on one that does not, and says where', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const file = join(dir, 'bad.yaml')
    await writeFile(file, 'on: my/*\nwhenn: {}\ndo: runner.test.arg\n')
    const bad = await command(['check', dir])
    expect(bad).toEqual({
      code: 1,
      stdout: '1 problem in 1 file\n',
      stderr: `${file}:2:1: unknown key 'whenn'. Did you mean 'when'?\n`,
    })
    const { code, stdout } = await command(['check', '--json', dir])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ file, line: 2, column: 1 }] })
    await rm(dir, { recursive: true })
    expect((await command(['check', dir])).code).toBe(1)
  })

  it('ends with 1 where there is no rule at all', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    expect(await command(['check', dir])).toEqual({ code: 1, stdout: '', stderr: `no rules in ${dir}\n` })
    const { code, stdout } = await command(['check', '--json', dir])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ message: `no rules in ${dir}` }] })
    await rm(dir, { recursive: true })
  })

  it('warns of a profile that is named and not in the config, where it is given one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    const [file, config] = [join(dir, 'r.yaml'), join(dir, 'config')]
    await writeFile(file, 'on: my/*\ndo:\n  - runner.http.query: { profile: nosuch }\n')
    await writeFile(config, 'profiles: { http: { deploy-hook: { url: "https://example.com" } } }\n')
    expect(await command(['check', dir])).toMatchObject({ code: 0, stderr: '' })
    expect(await command(['check', dir, '--config', config])).toEqual({
      code: 0,
      stdout: '1 rule in 1 file is fine\n',
      stderr: `warning: ${file}:3:35: runner.http.query would fail: the config has no http profile 'nosuch'. Known http profiles: deploy-hook.\n`,
    })
    await rm(dir, { recursive: true })
  })

  it('knows the functions, those of --module-dir and of the config too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    await mkdir(join(dir, 'own', 'runners'), { recursive: true })
    await writeFile(
      join(dir, 'own', 'runners', 'mine.mjs'),
      "import { runner } from 'reactor'\nexport const go = runner({ doc: 'x', run: () => 1 })\n",
    )
    const file = join(dir, 'r.yaml')
    await writeFile(file, 'on: my/*\ndo:\n  - runner.mine.go\n  - local.mine.go: { tgt: "*" }\n')
    await writeFile(join(dir, 'config.json'), JSON.stringify({ module_dirs: [join(dir, 'own')] }))
    const without = await command(['check', file])
    expect(without.code).toBe(1)
    expect(without.stderr).toContain(`${file}:3:5: there is no function 'runner.mine.go' here.`)
    for (const option of [
      ['--module-dir', join(dir, 'own')],
      ['--config', join(dir, 'config.json')],
    ]) {
      const known = await command(['check', file, ...option])
      expect(known).toMatchObject({ code: 0, stdout: '1 rule in 1 file is fine\n' })
      expect(known.stderr).toContain(`warning: ${file}:4:5: there is no function 'local.mine.go' here`)
    }
    await rm(dir, { recursive: true })
  })
})

describe('reactor functions', () => {
  it('lists them, and shows the help of one or of a module', async () => {
    const all = await command(['functions'])
    expect(all.stdout).toMatch(/^execution +test\.ping +Answers true/m)
    expect((await command(['functions', 'test.ping'])).stdout).toMatch(/test\.ping/)
    expect((await command(['functions', 'runner.test.arg'])).stdout).toMatch(/^runner test\.arg /)
    expect((await command(['functions', 'local.test.ping'])).stdout).toMatch(/^execution test\.ping/)
    expect((await command(['functions', 'wheel.test.ping'])).stderr).toContain("is named 'wheel.test.ping'")
    const wheels = await command(['functions', '--kind', 'wheel', '--json'])
    expect(JSON.parse(wheels.stdout).map((doc: { kind: string }) => doc.kind)).not.toContain('runner')
    expect((await command(['functions', 'state.file.managed'])).stdout).toMatch(/^state file\.managed /)
    expect((await command(['functions', 'orchestration.salt.state'])).stdout).toMatch(/^orchestration salt\.state /)
    expect((await command(['functions', 'state.apply'])).stdout).toMatch(/^execution state\.apply /)
    expect(await command(['functions', 'test.pong'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Did you mean 'test.ping'?"),
    })
    expect((await command(['functions', '--kind', 'wheels'])).code).toBe(64)
  })
})

describe('a command line that is wrong', () => {
  it.each([
    ['an unknown command', ['cal'], "unknown command 'cal'. Did you mean 'call'?"],
    ['help for an unknown command', ['help', 'cal'], "unknown command 'cal'. Did you mean 'call'?"],
    [
      'help for an unknown command of a command',
      ['queue', 'help', 'pup'],
      "unknown command 'pup'. Did you mean 'pop'?",
    ],
    ['an unknown option', ['send', '--jsn', 'a'], "unknown option '--jsn'"],
    ['too many arguments', ['check', 'a', 'b'], 'too many arguments'],
    ['an unknown worker', ['worker', 'job'], 'jobs, schedule, cache'],
  ])('with %s ends with 64', async (_what, words, message) => {
    expect(await command(words)).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining(message) })
  })

  it.each([
    ['an unknown command', ['cal'], "unknown command 'cal'. Did you mean 'call'?"],
    ['an unknown option', ['call', 'web1', 'test.ping', '--nosuch'], "unknown option '--nosuch'"],
    ['an option whose value is wrong', ['events', 'list', '--limit', '0'], "'0' is no whole number from 1 on"],
  ])('with %s is told as JSON where that was asked for', async (_what, words, message) => {
    const { code, stdout, stderr } = await command([...words, '--json'])
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'usage', message: expect.stringContaining(message) } })
  })

  it('is told in words where --json is a word for the function', async () => {
    expect(await command(['call', 'web1', 'test.arg', '{bad', '--', '--json'])).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^reactor: '\{bad' begins like a list or map/),
    })
  })

  it('with --help and --version ends with 0', async () => {
    const help = await command(['--help'])
    expect(help.code).toBe(0)
    for (const name of ['up', 'tail', 'call', 'run', 'wheel', 'send', 'check', 'functions', 'master', 'worker'])
      expect(help.stdout, name).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    expect(await command(['call', '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') })
    expect((await command(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a system that is not there', () => {
  it('ends commands with 69 and says what to do', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
    expect(await command(['send', 'a'], { cwd: dir })).toMatchObject({
      code: 69,
      stderr: expect.stringContaining("start one with 'reactor up'"),
    })
    expect(await command(['send', 'a', '--server', 'nats://127.0.0.1:1'])).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('no NATS server answers at nats://127.0.0.1:1'),
    })
    await rm(dir, { recursive: true })
  })

  it.each([
    ['takes the connection and says nothing', 0],
    ['does not even take the connection', 16],
  ])('ends commands with 69 where what listens there %s', async (_what, before) => {
    const mute = new Worker(MUTE, { eval: true, workerData: new Int32Array(new SharedArrayBuffer(4)) })
    const [port] = (await once(mute, 'message')) as [number]
    // More than its backlog holds: those that come later are not taken.
    const others = Array.from({ length: before }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    if (before > 0) await Promise.race(others.map(other => once(other, 'connect')))
    const ended = await command(['send', 'a', '--json', '--server', `nats://127.0.0.1:${port}`])
    for (const other of others) other.destroy()
    await mute.terminate()
    expect(ended).toMatchObject({ code: 69, stdout: '' })
    expect(JSON.parse(ended.stderr)).toMatchObject({
      error: { code: 'unreachable', message: expect.stringContaining('no answer to the login at') },
    })
  })

  it('is told from one that refuses the login: 77', async () => {
    expect(await command(['send', 'a', '--server', reactor.ready.server])).toMatchObject({
      code: 77,
      stderr: expect.stringContaining('--seed FILE'),
    })
  })
})
