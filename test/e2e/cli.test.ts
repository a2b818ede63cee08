// Each command as people and scripts use it: what it prints, where, and its exit code.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, ROOT, type Running, startReactor } from './reactor.ts'

let reactor: Running
beforeAll(async () => {
  reactor = await startReactor({ args: ['--id', 'web1'] })
})
afterAll(() => reactor.clean())

const run = (...words: string[]) => reactor.run(...words)
const FAILED = 'ERROR: Minions returned with non-zero exit code\n'

describe('reactor call', () => {
  it('prints each return as Salt does', async () => {
    expect(await run('call', '*', 'test.ping')).toEqual({ code: 0, stdout: 'web1:\n    True\n', stderr: '' })
  })

  it('takes arguments as words, and prints one JSON object with --json', async () => {
    const { code, stdout } = await run('call', '--json', 'web*', 'test.arg', '1', '0644', '[a, 2]', 'k=v', 'n=null')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ web1: { args: [1, '0644', ['a', 2]], kwargs: { k: 'v', n: null } } })
  })

  it('takes its options anywhere, and leaves what stands behind -- to the function', async () => {
    const { stdout } = await run('call', 'web1', 'test.arg', '-5', '--json', '--', '--json', '-v')
    expect(JSON.parse(stdout)).toEqual({ web1: { args: [-5, '--json', '-v'], kwargs: {} } })
  })

  it('ends with 1 when a minion fails', async () => {
    const failed = await run('call', 'web1', 'test.fail', 'no disk')
    expect(failed).toEqual({ code: 1, stdout: 'web1:\n    no disk\n', stderr: FAILED })
    expect(await run('call', 'web1', 'test.pong')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Did you mean 'test.ping'?"),
    })
  })

  it('ends with 2 when no minion matches', async () => {
    const nobody = await run('call', 'db*', 'test.ping')
    expect(nobody).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('No minions matched the target'),
    })
    expect(await run('call', '--json', 'db*', 'test.ping')).toMatchObject({ code: 2, stdout: '{}\n' })
  })

  it('takes a list with -L, and says who of it is unknown', async () => {
    const { code, stdout } = await run('call', '--json', '-L', 'web1,web9', 'test.ping')
    expect(JSON.parse(stdout)).toEqual({ web1: true, web9: 'Minion did not return. [Unknown minion]' })
    expect(code).toBe(1)
  })

  it('says the jid first with -v', async () => {
    expect((await run('call', '-v', '*', 'test.ping')).stdout).toMatch(/^Executing job with jid \d{20}\n-+\n\nweb1:/)
  })

  it('does not wait with --async, and the job runs', async () => {
    const { code, stdout } = await run('call', '--async', '*', 'test.echo', 'later')
    expect(code).toBe(0)
    const jid = /^Executed command with job ID: (\d{20})\n$/.exec(stdout)?.[1]
    const returned = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(returned.data.return).toBe('later')
  })

  it('prints one JSON object with --async --json', async () => {
    const { stdout } = await run('call', '--async', '--json', '*', 'test.ping')
    expect(JSON.parse(stdout)).toEqual({ jid: expect.stringMatching(/^\d{20}$/), minions: ['web1'] })
  })

  it('shows the help of the functions with -d', async () => {
    const { code, stdout } = await run('call', '-d', '*', 'test.ping')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^test\.ping:\n\n.*Answers true/s)
    expect(stdout).not.toContain('test.echo')
  })

  it('ends a call of a job that takes longer than it may wait with 1, and tells how to see its end', async () => {
    const { code, stdout } = await run('call', '-t', '200ms', '*', 'test.sleep', '3')
    expect(code).toBe(1)
    expect(stdout).toMatch(/Minion did not return\. \[No response\]\n.*may still be running/)
  })

  it('says a time limit that is none', async () => {
    expect(await run('call', '-t', 'soon', '*', 'test.ping')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("'soon' is not a duration"),
    })
  })

  it('leaves the job running on Ctrl-C, and says its jid', async () => {
    let started = false
    const ended = await command(['call', '*', 'test.sleep', '1.5'], {
      cwd: reactor.dir,
      onSpawn: child =>
        void reactor.lines
          .find(({ tag, data }) => tag.endsWith('/new') && JSON.stringify(data.arg) === '[1.5]', 'the job')
          .then(() => {
            started = true
            child.kill('SIGINT')
          }),
    })
    expect(started).toBe(true)
    const jid = /This job's jid is: (\d{20})/.exec(ended.stderr)?.[1]
    expect(ended.stdout).toBe('')
    const returned = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(returned.data).toMatchObject({ return: true, success: true })
  })

  it('needs a function, and a target', async () => {
    expect(await run('call', '*')).toMatchObject({ code: 64, stderr: expect.stringContaining('call needs a function') })
    expect(await run('call')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("missing required argument 'tgt'"),
    })
  })
})

describe('a minion that is not connected', () => {
  it('is told of by reactor call, which does not wait for it', async () => {
    const pid = reactor.ready.processes.minion!
    process.kill(pid, 'SIGKILL')
    const { code, stdout } = await run('call', 'web1', 'test.ping')
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'web1:\n    Minion did not return. [Not connected]\n' })
    await reactor.said.find(line => line.includes('minion is running again'), 'the return of the minion')
    expect((await run('call', 'web1', 'test.ping')).code).toBe(0)
  })
})

describe('reactor run and wheel', () => {
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
    expect(await command(['check'])).toMatchObject({ code: 0, stdout: '5 rules in 5 files are fine\n', stderr: '' })
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
    expect(all.stdout).toMatch(/^execution {2}test\.ping +Answers true/m)
    expect((await command(['functions', 'test.ping'])).stdout).toMatch(/test\.ping/)
    const wheels = await command(['functions', '--kind', 'wheel', '--json'])
    expect(JSON.parse(wheels.stdout).map((doc: { kind: string }) => doc.kind)).not.toContain('runner')
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
    ['an unknown option', ['send', '--jsn', 'a'], "unknown option '--jsn'"],
    ['too many arguments', ['check', 'a', 'b'], 'too many arguments'],
    ['an unknown worker', ['worker', 'job'], 'jobs, schedule, cache'],
  ])('with %s ends with 64', async (_what, words, message) => {
    expect(await command(words)).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining(message) })
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

  it('is told from one that refuses the login: 77', async () => {
    expect(await command(['send', 'a', '--server', reactor.ready.server])).toMatchObject({
      code: 77,
      stderr: expect.stringContaining('--seed FILE'),
    })
  })
})
