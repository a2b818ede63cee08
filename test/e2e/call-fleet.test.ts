// `reactor call` on several minions: batches, and those that fail or are away among others.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { command, MAIN, type Running, startReactor } from './reactor.ts'

let server: TestServer
let reactor: Running
const minions = new Map<string, ChildProcess>()
beforeAll(async () => {
  server = await startTestServer()
  reactor = await startReactor({
    args: ['--id', 'a1', '--nats', server.url, '--isolation', 'none'],
    config: { master: { lost_after: '10s' }, minion: { beat: '2s' } },
  })
  for (const id of ['a2', 'a3']) minions.set(id, await startMinion(id))
})
afterAll(async () => {
  for (const minion of minions.values()) minion.kill('SIGKILL')
  await reactor.clean()
  await server.stop()
})

async function startMinion(id: string): Promise<ChildProcess> {
  const config = join(reactor.dir, `${id}.json`)
  await writeFile(config, JSON.stringify({ isolation: 'none', minion: { id, dir: join(reactor.dir, id), beat: '2s' } }))
  const child = spawn(process.execPath, [MAIN, 'minion', '--config', config, '--server', server.url], {
    stdio: 'ignore',
  })
  process.once('exit', () => child.kill('SIGKILL'))
  await reactor.lines.find(({ tag }) => tag === `salt/minion/${id}/start`, `the start of ${id}`)
  return child
}

const run = (...words: string[]) => reactor.run(...words)
const FAILED = 'ERROR: Minions returned with non-zero exit code\n'

describe('a call to several minions', () => {
  it('prints all, gathered by id where it is one value', async () => {
    const { stdout } = await run('call', '*', 'test.ping')
    expect(stdout.trimEnd().split('\n').sort()).toEqual(['    True', '    True', '    True', 'a1:', 'a2:', 'a3:'])
    expect((await run('call', '*', 'test.ping', '--json')).stdout).toBe('{"a1":true,"a2":true,"a3":true}\n')
    expect((await run('call', '*', 'test.ping', '--static')).stdout).toBe(
      'a1:\n    True\na2:\n    True\na3:\n    True\n',
    )
  })

  it('goes to so many as --subset says', async () => {
    const { stdout } = await run('call', '*', 'test.ping', '--json', '--subset', '2')
    expect(Object.values(JSON.parse(stdout))).toEqual([true, true])
  })
})

describe('a batch', () => {
  it('runs so many at once, and says on whom, as Salt does', async () => {
    const { code, stdout, stderr } = await run('call', '*', 'test.ping', '-b', '2')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\nExecuting run on \['a1', 'a2'\]\n\n/)
    expect(stdout).toContain("\nExecuting run on ['a3']\n\n")
    for (const id of ['a1', 'a2', 'a3']) expect(stdout).toContain(`${id}:\n    True\n`)
  })

  it('takes a share, and keeps stdout for the value with --json', async () => {
    const { code, stdout, stderr } = await run('call', '*', 'test.ping', '-b', '50%', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ a1: true, a2: true, a3: true })
    expect(stderr.match(/Executing run on \['a\d'\]/g)).toHaveLength(3)
  })

  it('waits before it takes the place of one that has ended', async () => {
    await run('call', '*', 'test.echo', 'paused', '-b', '1', '--batch-wait', '500ms')
    const starts = reactor.lines.items
      .filter(({ tag, data }) => tag.endsWith('/new') && JSON.stringify(data.arg) === '["paused"]')
      .map(({ stamp }) => Date.parse(`${stamp.slice(0, 23)}Z`))
    expect(starts).toHaveLength(3)
    expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(500)
    expect(starts[2]! - starts[1]!).toBeGreaterThanOrEqual(500)
  })

  it('goes on behind a failure, unless --failhard', async () => {
    const on = await run('call', '*', 'test.fail', 'no disk', '-b', '1')
    expect(on).toMatchObject({ code: 1, stderr: FAILED })
    expect(on.stdout.match(/no disk/g)).toHaveLength(3)
    const hard = await run('call', '*', 'test.fail', 'no disk', '-b', '1', '--failhard')
    expect(hard).toMatchObject({ code: 1, stderr: `${FAILED}The batch was stopped: not started on a2, a3\n` })
    expect(hard.stdout.match(/no disk/g)).toHaveLength(1)
  })

  it('starts no more after Ctrl-C, and says what goes on and who was not started', async () => {
    const ended = await command(['call', '*', 'test.sleep', '2.5', '-b', '1'], {
      cwd: reactor.dir,
      onSpawn: child =>
        void reactor.lines
          .find(({ tag, data }) => tag.endsWith('/new') && JSON.stringify(data.arg) === '[2.5]', 'the first job')
          .then(() => child.kill('SIGINT')),
    })
    expect(ended.code).toBe(0)
    expect(ended.stderr).toMatch(
      /^\nExiting gracefully on Ctrl-c\nJobs that go on: (\d{20})\nThe minions .*\n\nreactor run jobs\.lookup_jid \1\nThe batch was stopped: not started on a2, a3\n$/,
    )
  })

  it('passes over a minion that is away', async () => {
    minions.get('a3')!.kill('SIGKILL')
    const { code, stdout } = await run('call', '*', 'test.ping', '-b', '1', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({
      a1: true,
      a2: true,
      a3: expect.stringMatching(/^Minion did not return\. \[Not connected\]/),
    })
  })
})

describe('a minion that is lost in the middle of a job', () => {
  it('is not waited for any longer than it takes to know, and told of as not connected', async () => {
    const ended = run('call', 'a2', 'test.sleep', '600')
    const isJob = (data: Record<string, unknown>) => JSON.stringify(data.arg) === '[600]'
    const { data } = await reactor.lines.find(({ tag, data }) => tag.endsWith('/new') && isJob(data), 'the job')
    await reactor.lines.find(({ tag }) => tag === `salt/job/${data.jid}/sent`, 'its sending')
    minions.get('a2')!.kill('SIGKILL')
    const { code, stdout } = await ended
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^a2:\n {4}Minion did not return\. \[Not connected\]\n {4}It had taken the job, and then its heartbeat/,
    )
  })
})
