// `reactor jobs` as people and scripts use it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, type Running, startReactor } from './reactor.ts'

let reactor: Running
beforeAll(async () => {
  reactor = await startReactor({ args: ['--id', 'web1'] })
})
afterAll(() => reactor.clean())

const run = (...words: string[]) => reactor.run(...words)
const UNKNOWN = '20200101000000000000'

/** Starts a job and gives its jid. */
async function start(...words: string[]): Promise<string> {
  const { stdout } = await run('call', '--async', '--json', ...words)
  return JSON.parse(stdout).jid
}
const isRet = (jid: string) => (line: { tag: string }) => line.tag === `salt/job/${jid}/ret/web1`

describe('reactor jobs list', () => {
  it('is a table of the newest jobs, newest first', async () => {
    await run('call', '*', 'test.fail', 'no disk')
    await run('call', 'web*', 'test.ping')
    const { code, stdout } = await run('jobs', 'list', '--limit', '2', '--kind', 'local')
    expect(code).toBe(0)
    const [head, ...lines] = stdout.trimEnd().split('\n')
    expect(head).toMatch(/^JID +AGE +FUNCTION +TARGET +USER +STATES$/)
    expect(lines.map(line => line.split(/ {2,}/).slice(2))).toEqual([
      ['test.ping', 'web*', 'admin', '1 returned'],
      ['test.fail', '*', 'admin', '1 failed'],
    ])
  })

  it('keeps to what the filters say', async () => {
    const jid = await start('web1', 'test.echo', 'x', '--metadata', '{ticket: 4711}')
    await reactor.lines.find(isRet(jid), 'the return')
    await run('run', 'test.arg', '1')
    const list = async (...words: string[]) => {
      const { jobs } = JSON.parse((await run('jobs', 'list', '--json', ...words)).stdout)
      return jobs.map((job: { fun: string }) => job.fun)
    }
    expect(await list('--metadata', '{ticket: 4711}')).toEqual(['test.echo'])
    expect(await list('--metadata', '{ticket: 1}')).toEqual([])
    expect(await list('--function', 'test.ech*', '--target', 'web1')).toEqual(['test.echo'])
    expect(await list('--kind', 'runner', '--function', 'runner.test.*')).toEqual(['runner.test.arg'])
    expect(await list('--until', '2020-01-01')).toEqual([])
    expect(await list('--since', '10m', '--function', 'test.echo')).toEqual(['test.echo'])
  })

  it('says what is wrong with a filter', async () => {
    for (const words of [
      ['--since', 'soon'],
      ['--limit', '0'],
      ['--kind', 'x'],
      ['--metadata', 'x'],
      ['--since', '1m', '--until', '1h'],
    ])
      expect((await run('jobs', 'list', ...words)).code, words.join(' ')).toBe(64)
  })
})

describe('reactor jobs show', () => {
  it('tells what the job is, its states, and its returns as call shows them', async () => {
    const jid = await start('web1', 'cmd.run', 'echo hi; exit 3', 'python_shell=true')
    await reactor.lines.find(isRet(jid), 'the return')
    const { code, stdout } = await run('jobs', 'show', jid)
    expect(code).toBe(0)
    expect(stdout).toContain(`jid         ${jid}\nfunction    cmd.run 'echo hi; exit 3' python_shell=true\n`)
    expect(stdout).toMatch(/\nweb1 +failed +[\d:]{8} +retcode 3\n\nweb1:\n {4}hi\n$/)
  })

  it('gives the job with states and returns as JSON', async () => {
    const jid = await start('web1', 'test.echo', 'hi')
    await reactor.lines.find(isRet(jid), 'the return')
    const job = JSON.parse((await run('jobs', 'show', jid, '--json')).stdout)
    expect(job).toMatchObject({
      jid,
      kind: 'local',
      fun: 'test.echo',
      tgt: 'web1',
      tgt_type: 'glob',
      user: 'admin',
      minions: ['web1'],
      states: { web1: 'returned' },
      returns: { web1: { return: 'hi', retcode: 0, success: true } },
      active: false,
    })
    const { stdout } = await run('jobs', 'show', jid, '--out', 'yaml')
    expect(stdout).toContain(`jid: "${jid}"`)
  })

  it.each(['show', 'watch', 'kill', 'retry'])('says of a jid that nobody knows that it is none (%s)', async word => {
    const { code, stdout, stderr } = await run('jobs', word, UNKNOWN)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(UNKNOWN)
  })

  it.each(['show', 'watch', 'kill', 'retry'])('says of a word that is no jid what one looks like (%s)', async word => {
    const { code, stderr } = await run('jobs', word, 'nonsense')
    expect(code).toBe(64)
    expect(stderr).toBe(
      "reactor: 'nonsense' is no jid: a jid is 20 digits that begin with a time, such as 20261120091820837210\n",
    )
  })
})

describe('a job that runs', () => {
  it('is active, is watched, and ends by kill', async () => {
    const jid = await start('web1', 'cmd.run', 'sleep 60')
    const active = await run('jobs', 'active')
    expect(active.stdout).toMatch(/^JID +ELAPSED +FUNCTION +TARGET +USER +STATES +OPEN ON\n/)
    expect(active.stdout).toMatch(new RegExp(`${jid} +\\S+ +cmd\\.run +web1 +admin +1 running +web1\n`))
    const { jobs } = JSON.parse((await run('jobs', 'active', '--json')).stdout)
    expect(jobs).toEqual([expect.objectContaining({ jid, elapsed: expect.any(Number), open: ['web1'] })])

    let killed: Promise<{ code: number | null; stdout: string }> | undefined
    const watched = await command(['jobs', 'watch', jid], {
      cwd: reactor.dir,
      onSpawn: child =>
        child.stdout!.once('data', () => {
          killed = run('jobs', 'kill', jid)
        }),
    })
    expect(watched).toMatchObject({ code: 1, stderr: '' })
    expect(watched.stdout).toMatch(/^[\d:]{8} {2}web1 {2}running\n[\d:]{8} {2}web1 {2}failed\n$/)
    const { code, stdout } = (await killed)!
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^web1:\n    Signal 9 sent to job ${jid} at pid \\d+\n$`)),
    })
    expect((await run('jobs', 'active')).stdout).toBe('')
    expect((await run('jobs', 'kill', jid)).code).toBe(1)
  })

  it('gets the signal that is named', async () => {
    const jid = await start('web1', 'cmd.run', 'sleep 60')
    const { stdout } = await run('jobs', 'kill', jid, '--signal', 'TERM', '--json')
    expect(JSON.parse(stdout).web1).toMatch(/^Signal 15 sent to job/)
    await reactor.lines.find(isRet(jid), 'its return')
    const other = await start('web1', 'test.sleep', '60')
    expect((await run('jobs', 'kill', other, '--signal', 'NOSUCH')).code).toBe(1)
    expect((await run('jobs', 'kill', other, '--signal', '9')).code).toBe(0)
    await reactor.lines.find(isRet(other), 'its return')
  })

  it('is watched to a good end as JSON lines', async () => {
    const go = join(reactor.dir, 'go')
    const jid = await start('web1', 'cmd.run', `while [ ! -e ${go} ]; do sleep 0.05; done`, 'python_shell=true')
    const { code, stdout } = await command(['jobs', 'watch', jid, '--json'], {
      cwd: reactor.dir,
      // It ends once it has been seen to run.
      onSpawn: child => void child.stdout?.once('data', () => void writeFile(go, '')),
    })
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toEqual([
      { jid, minion: 'web1', state: 'running' },
      { jid, minion: 'web1', state: 'returned' },
      { jid, counts: { returned: 1 } },
    ])
  })
})

describe('reactor jobs watch without a jid', () => {
  it('tells of all jobs as they begin and end, until Ctrl-C', async () => {
    let jid = ''
    const { code, stdout } = await command(['jobs', 'watch', '--json'], {
      cwd: reactor.dir,
      onSpawn(child) {
        let seen = ''
        const endWhenSeen = () => {
          if (jid !== '' && new RegExp(`"jid":"${jid}".*"active":false`).test(seen)) child.kill('SIGINT')
        }
        child.stdout!.on('data', text => {
          seen += text
          endWhenSeen()
        })
        void start('web1', 'test.sleep', '3').then(started => {
          jid = started
          endWhenSeen()
        })
      },
    })
    expect(code).toBe(0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    const own = lines.filter(line => line.jid === jid)
    // What is printed before its end hangs on when the command looked.
    for (const line of own.slice(0, -1)) {
      expect(line).toMatchObject({ fun: 'test.sleep', active: true })
      expect(['offline', 'accepted', 'running']).toContain(Object.keys(line.counts).join())
    }
    expect(own.at(-1)).toEqual({ jid, fun: 'test.sleep', active: false, counts: { returned: 1 } })
  })
})

describe('reactor jobs retry', () => {
  it('runs a job again where it failed', async () => {
    const jid = await start('web1', 'test.fail', 'no disk')
    await reactor.lines.find(isRet(jid), 'the return')
    const { code, stdout, stderr } = await run('jobs', 'retry', jid)
    expect({ code, stderr }).toEqual({ code: 0, stderr: `retries ${jid}, on web1\n` })
    const again = /^Executed command with job ID: (\d{20})\n$/.exec(stdout)![1]!
    const returned = await reactor.lines.find(isRet(again), 'the return of the retry')
    expect(returned.data).toMatchObject({ fun: 'test.fail', fun_args: ['no disk'], success: false })
  })

  it('says where there is nothing to retry, unless all are wanted', async () => {
    const jid = await start('web1', 'test.ping')
    await reactor.lines.find(isRet(jid), 'the return')
    const nothing = await run('jobs', 'retry', jid)
    expect(nothing).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('nothing to retry') })
    expect(JSON.parse((await run('jobs', 'retry', jid, 'web*', '--all', '--json')).stdout)).toMatchObject({
      jid: expect.stringMatching(/^\d{20}$/),
      minions: ['web1'],
    })
  })
})

describe('reactor jobs', () => {
  it('needs a running system, and one of its words', async () => {
    const nowhere = await command(['jobs', 'list'], { cwd: '/' })
    expect(nowhere).toMatchObject({ code: 69, stderr: expect.stringContaining('no reactor is running') })
    expect((await run('jobs', 'lst')).code).toBe(64)
    expect((await run('jobs')).code).toBe(64)
  })
})
