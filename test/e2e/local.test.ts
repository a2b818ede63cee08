// `reactor local`: a function of this machine's minion from its own command line, as with salt-call.
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { within } from '../helpers/wait.ts'
import { command, MAIN, type Running, startReactor } from './reactor.ts'

let reactor: Running
beforeAll(async () => {
  reactor = await startReactor({
    args: ['--id', 'web1'],
    config: { minion: { grains: { roles: ['web'] }, mine_functions: { 'test.echo': ['from the mine'] } } },
  })
})
afterAll(() => reactor.clean())

const local = (...words: string[]) => reactor.run('local', ...words)

describe('reactor local', () => {
  it('prints the return under `local`, in any format', async () => {
    expect(await local('grains.get', 'roles')).toEqual({ code: 0, stderr: '', stdout: 'local:\n    - web\n' })
    expect(JSON.parse((await local('--out', 'json', 'test.ping')).stdout)).toEqual({ local: true })
    expect((await local('--json', 'test.arg', '1', 'k=v')).stdout).toBe('{"local":{"args":[1],"kwargs":{"k":"v"}}}\n')
  })

  it('ends with 1 where the function fails or is not there, and says why', async () => {
    expect(await local('test.fail', 'no disk')).toEqual({ code: 1, stderr: '', stdout: 'local:\n    no disk\n' })
    expect(await local('test.pign')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Did you mean 'test.ping'?"),
    })
  })

  it('is a job of the minion, in the events and in the job cache', async () => {
    const { code } = await local('test.echo', 'hello')
    expect(code).toBe(0)
    const { data, origin } = await reactor.lines.find(
      ({ tag, data }) => /^salt\/job\/\d+\/ret\/web1$/.test(tag ?? '') && data.return === 'hello',
      'its return',
    )
    expect(origin).toBe('web1')
    expect(data).toMatchObject({ fun: 'test.echo', fun_args: ['hello'], success: true })
    const shown = await reactor.run('run', '--json', 'jobs.lookup_jid', String(data.jid))
    expect(JSON.parse(shown.stdout)).toEqual({ web1: 'hello' })
  })

  it('shows a return that is larger than a message whole, and so does the job cache', async () => {
    const large = 'x'.repeat(1_500_000)
    const words = ['cmd.shell', `head -c ${large.length} /dev/zero | tr '\\0' x`, 'output_limit=2000000']
    const { stdout, code } = await local('--json', ...words)
    expect(code).toBe(0)
    expect(JSON.parse(stdout).local === large).toBe(true)
    const { data } = await reactor.lines.find(
      ({ data }) => data?.fun === 'cmd.shell' && 'payload' in data,
      'its return',
    )
    const shown = await reactor.run('run', '--json', 'jobs.lookup_jid', String(data.jid))
    expect(JSON.parse(shown.stdout).web1 === large).toBe(true)
  })

  it('fires events and reads the mine under the minion’s own id', async () => {
    expect((await local('event.send', 'my/local', '{a: 1}')).stdout).toBe('local:\n    True\n')
    const { origin, data } = await reactor.lines.find(({ tag }) => tag === 'my/local', 'the event')
    expect([origin, data.a ?? (data.data as { a: number }).a]).toEqual(['web1', 1])
    expect((await local('mine.send', 'mined', 'mine_function=test.echo', 'hi')).code).toBe(0)
    expect(JSON.parse((await local('--json', 'mine.get', 'web1', 'mined')).stdout)).toEqual({ local: { web1: 'hi' } })
  })

  it('sees and ends the jobs that the minion runs', async () => {
    const started = await reactor.run('call', '--async', '--json', 'web1', 'cmd.run', 'sleep 300')
    const { jid } = JSON.parse(started.stdout)
    expect(JSON.parse((await local('--json', 'saltutil.find_job', jid)).stdout)).toMatchObject({
      local: { jid, fun: 'cmd.run', arg: ['sleep 300'] },
    })
    expect((await local('saltutil.term_job', jid)).stdout).toMatch(`Signal 15 sent to job ${jid} at pid`)
    const { data } = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the end of that job')
    expect(data).toMatchObject({ success: false, retcode: -15 })
  })

  it('ends what it runs on Ctrl-C', async () => {
    const dir = await testFolder()
    const started = new Promise<void>(done => {
      const watcher = watch(dir, () => {
        watcher.close()
        done()
      })
    })
    const words = ['local', 'cmd.shell', `touch ${dir}/started; sleep 300`]
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: reactor.dir, stdio: 'pipe' })
    const ended = new Promise<number | null>(done => child.once('close', done))
    await within(started, 'the start of its command')
    child.kill('SIGINT')
    expect(await within(ended, 'its end')).toBe(130)
    const { data } = await reactor.lines.find(
      ({ data }) => data?.fun === 'cmd.shell' && data.success === false,
      'its return',
    )
    expect(data).toMatchObject({ success: false, return: 'it was stopped by Ctrl-C' })
  })

  it('gives its return to returners too, and says which does not have it', async () => {
    const filename = `${await testFolder()}/returns.jsonl`
    const words = (file: string) => ['--return', 'rawfile_json', '--return-kwargs', JSON.stringify({ filename: file })]
    expect(await local('test.echo', 'kept', ...words(filename))).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(await readFile(filename, 'utf8'))).toMatchObject({ id: 'web1', return: 'kept', success: true })
    expect(await local('--json', 'test.echo', 'kept', ...words(`${filename}/below`))).toMatchObject({
      code: 74,
      stdout: '{"local":"kept"}\n',
      stderr: expect.stringContaining("the returner 'rawfile_json' does not have its return"),
    })
    expect(await local('test.ping', '--return', 'nosuch')).toMatchObject({
      ...{ code: 78, stdout: '' },
      stderr: expect.stringContaining("there is no returner 'nosuch'"),
    })
  })

  it('runs without a server by --local, and says what needs one', async () => {
    const cwd = await testFolder()
    expect(await command(['local', '--local', 'test.ping'], { cwd })).toMatchObject({
      code: 0,
      stdout: 'local:\n    True\n',
    })
    expect(await command(['local', '--local', 'event.send', 'a/b'], { cwd })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('without a server (--local)'),
    })
    expect(await command(['local', 'test.ping'], { cwd })).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('no reactor is running in this folder'),
    })
  })

  it('shows the help of the functions of this machine', async () => {
    expect((await local('-d', 'test.ping')).stdout).toContain('test.ping')
  })
})
