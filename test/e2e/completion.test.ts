// Completion as the shells do it: the scripts run in the shells themselves.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, MAIN, type Running, startReactor } from './reactor.ts'

let reactor: Running
let bin: string
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'reactor-bin-'))
  await writeFile(join(bin, 'reactor'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  await chmod(join(bin, 'reactor'), 0o755)
  reactor = await startReactor({ args: ['--id', 'web1'] })
})
afterAll(async () => {
  await reactor.clean()
  await rm(bin, { recursive: true })
})

interface Said {
  stdout: string
  stderr: string
}

function shell(program: string, args: string[], cwd = reactor.dir): Promise<Said> {
  const env = { ...process.env, PATH: bin + delimiter + process.env.PATH }
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) =>
      error ? reject(error) : resolve({ stdout, stderr }),
    )
  })
}

const isThere = (program: string): Promise<boolean> =>
  new Promise(resolve => execFile(program, ['--version'], error => resolve(!error)))
const [hasZsh, hasFish] = await Promise.all([isThere('zsh'), isThere('fish')])

const complete = async (...words: string[]) => {
  const { code, stdout, stderr } = await command(['__complete', ...words], { cwd: reactor.dir })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter(Boolean)
}

describe('reactor __complete', () => {
  it('gives the minions that are there, functions with what they do, and jids', async () => {
    expect(await complete('call', 'w')).toEqual(['web1'])
    expect(await complete('call', 'web1', 'test.pi')).toEqual([expect.stringMatching(/^test\.ping\tAnswers true/)])
    expect(await complete('run', 'jobs.list_jobs')).toEqual([
      expect.stringMatching(/^jobs\.list_jobs\t/),
      expect.stringMatching(/^jobs\.list_jobs_filter\t/),
    ])
    expect(await complete('wheel', 'minions.')).toEqual([
      expect.stringMatching(/^minions\.connected\t/),
      expect.stringMatching(/^minions\.presence\t/),
    ])
    const { stdout } = await reactor.run('call', '--async', '--json', '*', 'test.ping')
    const { jid } = JSON.parse(stdout)
    await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    await reactor.run('jobs', 'show', jid)
    expect(await complete('jobs', 'show', '')).toContain(`${jid}\ttest.ping`)
  })

  it('gives nothing, quietly, where nothing runs, or what is named makes no sense', async () => {
    for (const words of [
      ['call', '--data-dir', '/nowhere', ''],
      ['call', '--server', 'nats://127.0.0.1:1', ''],
      ['jobs', 'show', '--server', 'no url at all', ''],
      ['call', '--seed', '/nowhere', '--server', reactor.ready.server, ''],
      ['nosuch', ''],
      ['__complete', ''],
    ])
      expect(await complete(...words), words.join(' ')).toEqual([])
  })
})

describe('the script of bash', () => {
  const asked = async (...words: string[]) => {
    const script = `source <(reactor completion bash) || exit
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reactor
      printf '%s\\n' "\${COMPREPLY[@]}"; complete -p reactor`
    const { stdout, stderr } = await shell('bash', ['--norc', '-c', script, 'bash', 'reactor', ...words])
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    expect(lines.pop()).toBe('complete -o default -F _reactor reactor')
    return lines.filter(Boolean)
  }

  it('completes commands, subcommands, options, functions and minions', async () => {
    expect(await asked('ca')).toEqual(['call'])
    expect(await asked('jobs', 'w')).toEqual(['watch'])
    expect(await asked('call', '--subs')).toEqual(['--subset'])
    expect(await asked('call', "'*'", 'test.pi')).toEqual(['test.ping'])
    expect(await asked('call', '')).toEqual(['web1'])
    expect(await asked('check', 'x')).toEqual([])
  })

  it('says how to install it', async () => {
    const { stdout } = await command(['completion', 'bash'])
    expect(stdout).toMatch(
      /^# Completion of reactor for bash\. For this shell: {2}source <\(reactor completion bash\)\n/,
    )
  })
})

describe.skipIf(!hasZsh)('the script of zsh', () => {
  it('completes them too, with what they are, and files where there is nothing', async () => {
    const script = `autoload -Uz compinit && compinit -D -u
      source <(reactor completion zsh)
      _describe() { print -rl -- "\${(@P)\${@[-1]}}" }
      _files() { print files }
      asked() { words=("$@"); CURRENT=$#words; _reactor }
      asked reactor ca; asked reactor call ""; asked reactor call web1 test.pi; asked reactor jobs w; asked reactor check x
      print "is $_comps[reactor]"`
    const { stdout, stderr } = await shell('zsh', ['-f', '-c', script])
    expect(stderr).toBe('')
    expect(stdout.trimEnd().split('\n')).toEqual([
      'call',
      'web1',
      expect.stringMatching(/^test\.ping:Answers true\\?: the minion is up/),
      expect.stringMatching(/^watch:the states of a job/),
      'files',
      'is _reactor',
    ])
  })
})

describe.skipIf(!hasFish)('the script of fish', () => {
  it('completes them too, with what they are', async () => {
    const asked = async (line: string) => {
      const script = `reactor completion fish | source; complete -C '${line}'`
      const { stdout, stderr } = await shell('fish', ['--no-config', '-c', script])
      expect(stderr).toBe('')
      return stdout.trimEnd().split('\n')
    }
    expect(await asked('reactor ca')).toEqual(['call'])
    expect(await asked('reactor call ')).toEqual(['web1'])
    expect(await asked('reactor call web1 test.pi')).toEqual([expect.stringMatching(/^test\.ping\tAnswers true/)])
    expect(await asked('reactor jobs w')).toEqual([expect.stringMatching(/^watch\t/)])
  })
})

describe('reactor completion', () => {
  it('knows three shells', async () => {
    for (const name of ['bash', 'zsh', 'fish']) expect((await command(['completion', name])).code).toBe(0)
    expect(await command(['completion', 'tcsh'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('bash, zsh, fish'),
    })
    expect((await command(['completion'])).code).toBe(64)
  })
})
