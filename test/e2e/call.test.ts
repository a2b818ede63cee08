// `reactor call` as people and scripts use it: what it prints, where, and its exit code.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, type Running, startReactor } from './reactor.ts'

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

  it.each(['--returner', '--ret', '--jsn', '-x'])(
    'refuses the unknown option %s, instead of handing it on',
    async word => {
      const { code, stderr } = await run('call', '*', 'test.ping', word, 'smtp')
      expect(code).toBe(64)
      expect(stderr).toContain(`unknown option '${word}'`)
    },
  )

  it('tells the version that a minion runs', async () => {
    const { stdout } = await run('call', '--json', 'web1', 'test.version')
    expect(JSON.parse(stdout).web1).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('ends with 1 when a minion fails', async () => {
    const failed = await run('call', 'web1', 'test.fail', 'no disk')
    expect(failed).toEqual({ code: 1, stdout: 'web1:\n    no disk\n', stderr: FAILED })
  })

  it('says that a function is not there, and which one may be meant', async () => {
    const { code, stdout, stderr } = await run('call', 'web1', 'test.pong')
    expect({ code, stderr }).toEqual({ code: 1, stderr: FAILED })
    expect(stdout).toBe("web1:\n    'test.pong' is not available. Did you mean 'test.ping'?\n")
  })

  it('ends with 2 when no minion matches', async () => {
    const stderr =
      'No minions matched the target. No command was sent, no jid was assigned.\nERROR: No return received\n'
    expect(await run('call', 'db*', 'test.ping')).toEqual({ code: 2, stdout: '', stderr })
    expect(await run('call', '--json', 'db*', 'test.ping')).toEqual({ code: 2, stdout: '{}\n', stderr })
    expect(await run('call', '--out', 'json', 'db*', 'test.ping')).toEqual({ code: 2, stdout: '{}\n', stderr })
    expect(await run('call', '-b', '1', 'db*', 'test.ping')).toEqual({ code: 2, stdout: '', stderr })
  })

  it('takes a list with -L, and says who of it is unknown', async () => {
    const { code, stdout } = await run('call', '--json', '-L', 'web1,web9', 'test.ping')
    expect(JSON.parse(stdout)).toEqual({ web1: true, web9: 'Minion did not return. [Unknown minion]' })
    expect(code).toBe(1)
  })

  it('takes Salt’s letters for other targets, and shows where an expression is wrong', async () => {
    expect((await run('call', '-E', 'web[0-9]', 'test.ping')).stdout).toBe('web1:\n    True\n')
    expect((await run('call', '-C', 'web* and not db*', 'test.ping')).stdout).toBe('web1:\n    True\n')
    const { code, stderr } = await run('call', '-C', 'web* and (', 'test.ping')
    expect(code).toBe(1)
    expect(stderr).toMatch(/\n {2}web\* and \(\n +\^\n/)
  })

  it('says the jid first with -v', async () => {
    expect((await run('call', '-v', '*', 'test.ping')).stdout).toMatch(
      /^Executing job with jid \d{20}\n-{43}\n\nweb1:\n {4}True\n$/,
    )
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

  it('keeps metadata with the job', async () => {
    await run('call', '*', 'test.ping', '--metadata', '{ticket: 4711}')
    const made = await reactor.lines.find(
      ({ tag, data }) => tag.endsWith('/new') && JSON.stringify(data.metadata) === '{"ticket":4711}',
      'the job',
    )
    expect(made.data.fun).toBe('test.ping')
  })

  it('has minions end a job whose --run-timeout is over', async () => {
    const { code, stdout, stderr } = await run('call', '*', 'test.sleep', '20', '--run-timeout', '500ms')
    expect({ code, stderr }).toEqual({ code: 1, stderr: FAILED })
    expect(stdout).toMatch(/^web1:\n {4}\S/)
    expect(stdout).not.toContain('did not return')
  })

  it('ends a call of a job that takes longer than it may wait with 1, and tells how to see its end', async () => {
    const { code, stdout } = await run('call', '-t', '200ms', '*', 'test.sleep', '3')
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^web1:\n {4}Minion did not return\. \[No response\]\n {4}The minions may not have all finished.*\n {4}\n {4}reactor run jobs\.lookup_jid \d{20}\n$/,
    )
  })

  it('says a time limit that is none', async () => {
    expect(await run('call', '-t', 'soon', '*', 'test.ping')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("'soon' is not a duration"),
    })
  })

  it('leaves the job running on Ctrl-C, and says its jid and how to look it up', async () => {
    const ended = await command(['call', '*', 'test.sleep', '1.5'], {
      cwd: reactor.dir,
      onSpawn: child =>
        void reactor.lines
          .find(({ tag, data }) => tag.endsWith('/new') && JSON.stringify(data.arg) === '[1.5]', 'the job')
          .then(() => child.kill('SIGINT')),
    })
    expect(ended).toMatchObject({ code: 0, stdout: '' })
    const jid = /^\nExiting gracefully on Ctrl-c\nThis job's jid is: (\d{20})\n/.exec(ended.stderr)?.[1]
    expect(ended.stderr).toMatch(new RegExp(`\\n\\nreactor run jobs\\.lookup_jid ${jid}\\n$`))
    const returned = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(returned.data).toMatchObject({ return: true, success: true })
  })

  it('shows a return larger than a message whole', async () => {
    const { code, stdout } = await run('call', '--json', '*', 'cmd.run', 'yes | head -c 1000000', 'python_shell=true')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ web1: 'y\n'.repeat(500_000).trimEnd() })
  })

  it('says so where the arguments are larger than a message', async () => {
    const words = Array.from({ length: 12 }, () => 'x'.repeat(120_000))
    const { code, stderr } = await run('call', '*', 'test.arg', ...words)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^reactor: publish: a request of 1440\d{3} bytes is larger than a message may be \(1048576 bytes\)/,
    )
  })

  it('needs a function, and a target', async () => {
    expect(await run('call', '*')).toMatchObject({ code: 64, stderr: expect.stringContaining('call needs a function') })
    expect(await run('call')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("missing required argument 'tgt'"),
    })
  })

  it('refuses what would have no effect', async () => {
    const refused = async (...words: string[]) => {
      const { code, stderr } = await run('call', '*', 'test.ping', ...words)
      expect(code).toBe(64)
      return stderr
    }
    expect(await refused('--failhard')).toContain('--failhard is for batches')
    expect(await refused('--batch-wait', '1s')).toContain('--batch-wait is for batches')
    expect(await refused('-b', '1', '--async')).toContain('exclude each other')
    expect(await refused('-b', '0')).toContain("'0' is no batch size")
    expect(await refused('--json', '--out', 'yaml')).toContain("'--out <format>' cannot be used with option '--json'")
    expect(await refused('--out', 'xml')).toContain('Allowed choices are nested, json, yaml, txt, raw')
  })
})

describe('the formats of reactor call', () => {
  const show = async (...words: string[]) => {
    const { code, stdout, stderr } = await run('call', '*', 'test.arg', '1', 'a=[x]', ...words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  it('are those of Salt’s outputters', async () => {
    expect(await show('--out', 'json')).toBe(
      `${JSON.stringify({ web1: { args: [1], kwargs: { a: ['x'] } } }, undefined, 4)}\n`,
    )
    expect(await show('--out', 'yaml')).toBe('web1:\n  args:\n  - 1\n  kwargs:\n    a:\n    - x\n')
    expect(await show('--out', 'raw')).toBe("{'web1': {'args': [1], 'kwargs': {'a': ['x']}}}\n")
    expect(await show('--out', 'txt')).toBe("web1: {'args': [1], 'kwargs': {'a': ['x']}}\n")
    expect(await show('--out', 'nested')).toBe(await show())
    expect(await show()).toContain('    kwargs:\n        ----------\n        a:\n            - x\n')
  })

  it('gather all into one with --static', async () => {
    const { stdout } = await run('call', '-L', 'web1,web9', 'test.ping', '--out', 'json', '--static')
    expect(Object.keys(JSON.parse(stdout))).toEqual(['web1', 'web9'])
    const each = await run('call', '-L', 'web1,web9', 'test.ping', '--out', 'json')
    expect([each.code, each.stderr]).toEqual([1, FAILED])
    expect(each.stdout).toBe('{\n    "web1": true\n}\n{\n    "web9": "Minion did not return. [Unknown minion]"\n}\n')
  })

  it('are followed by Salt’s summary with --summary', async () => {
    const { stdout } = await run('call', '-L', 'web1,web9', 'test.ping', '--summary')
    expect(stdout).toContain(
      'Summary\n-------------------------------------------\n# of minions targeted: 2\n# of minions returned: 1\n# of minions that did not return: 1\n# of minions with errors: 0\n',
    )
  })

  it('serve reactor run and wheel too', async () => {
    const { stdout } = await run('run', 'test.arg', '1', 'k=v', '--out', 'yaml')
    expect(stdout).toBe('args:\n- 1\nkwargs:\n  k: v\n')
    expect((await run('wheel', 'minions.connected', '--out', 'json')).stdout).toBe('[\n    "web1"\n]\n')
    expect(await run('run', 'test.arg', '--nosuch')).toMatchObject({ code: 64 })
  })
})

describe('a minion that is not connected', () => {
  it('is told of by reactor call, which does not wait for it', async () => {
    const pid = reactor.ready.processes.minion!
    process.kill(pid, 'SIGKILL')
    const { code, stdout } = await run('call', 'web1', 'test.ping')
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^web1:\n {4}Minion did not return\. \[Not connected\]\n {4}It runs the job if it connects before [\d :-]+\.\n {4}The minions.*\n {4}\n {4}reactor run jobs\.lookup_jid \d{20}\n$/,
    )
    const jid = /lookup_jid (\d{20})/.exec(stdout)![1]
    await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return of the job it missed')
    expect((await run('call', 'web1', 'test.ping')).code).toBe(0)
  })
})
