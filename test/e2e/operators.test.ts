// Operators from the first to the last day: added, let in by a context, held to their role, given another password, removed.

import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, headers } from 'nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSeen } from '../helpers/wait.ts'
import { command, type Ended, type Running, startReactor } from './reactor.ts'

const ROLES = {
  deploy: [
    'test.*',
    { 'db*': ['cmd.run'] },
    { '@runner': ['test.*'] },
    { '@fire': ['deploy/**'] },
    { '@events': ['deploy/**'] },
  ],
}

/** Of `publish` and `history.job`. */
interface Answer {
  jid?: string
  error?: { code: string; message: string }
  job?: Record<string, unknown> | null
  marker?: string
}

describe('an operator', () => {
  let reactor: Running
  /** Where bob works: no reactor runs in the folder, and his contexts are his own. */
  let home: string
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'reactor-bob-'))
    reactor = await startReactor({ args: ['--id', 'web1'], config: { roles: ROLES } })
  })
  afterAll(async () => {
    await reactor?.clean()
    await rm(home, { recursive: true, force: true })
  })

  const password = (text: string) => writeFile(join(home, 'password'), `${text}\n`, { mode: 0o600 })
  const admin = (args: string[], input = '') => command(args, { cwd: reactor.dir, input })
  const asBob = (...args: string[]) => command(args, { cwd: home, env: { XDG_CONFIG_HOME: join(home, 'config') } })
  const refusal = ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr: stderr.trim() })

  it('is added with a password that goes nowhere, or refused with the reason', async () => {
    const added = await admin(
      ['user', 'add', 'bob', '--role', 'deploy', '--password-stdin', '--json'],
      'correct horse\n',
    )
    expect(JSON.parse(added.stdout)).toMatchObject({ name: 'bob', roles: ['deploy'], login: 'password' })
    const store = JSON.stringify([reactor.lines.items, reactor.said.items])
    expect(store).toContain('user.add')
    expect(store).not.toContain('correct horse')
    expect(store).not.toContain('scrypt$')

    const again = await admin(['user', 'add', 'bob', '--role', 'deploy', '--password-stdin'], 'another horse\n')
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("there is an operator 'bob' already") })
    const unknown = await admin(['user', 'add', 'eve', '--role', 'deplyo', '--password-stdin'], 'correct horse\n')
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("no role 'deplyo'") })
    const short = await admin(['user', 'add', 'eve', '--role', 'deploy', '--password-stdin'], 'horse\n')
    expect(short).toMatchObject({ code: 64, stderr: expect.stringContaining('at least 8 characters, this one has 5') })
    const { users } = JSON.parse((await admin(['user', 'list', '--json'])).stdout)
    expect(users).toEqual([{ name: 'bob', roles: ['deploy'], login: 'password', since: expect.any(Number) }])
  })

  it('finds the system by a context, which holds no secret', async () => {
    await password('correct horse')
    const { server } = reactor.ready
    const added = await asBob(
      'context',
      'add',
      'prod',
      '--server',
      server,
      '--user',
      'bob',
      '--password-file',
      'password',
    )
    expect(added.code).toBe(0)
    expect((await asBob('run', 'test.arg', '1')).stderr).toContain('no reactor is running in this folder')
    expect((await asBob('context', 'use', 'prod')).code).toBe(0)
    const { contexts } = JSON.parse((await asBob('context', 'list', '--json')).stdout)
    const file = join(home, 'password')
    expect(contexts).toEqual([{ name: 'prod', chosen: true, server, user: 'bob', password_file: file }])
    expect(await readFile(join(home, 'config/reactor/contexts/prod.json'), 'utf8')).not.toContain('horse')
    expect((await asBob('context', 'list')).stdout).toMatch(/^\* prod +bob +nats:/m)
  })

  it('calls what the role allows, and sees the returns without the right to follow events', async () => {
    expect(await asBob('call', '*', 'test.echo', 'hello', '--json')).toMatchObject({
      ...{ code: 0, stdout: '{"web1":"hello"}\n', stderr: '' },
    })
    expect(await asBob('call', '*', 'test.ping', '-b', '1')).toMatchObject({
      code: 0,
      stdout: "\nExecuting run on ['web1']\n\nweb1:\n    True\n",
    })
    expect(await asBob('run', 'test.arg', '1', '--json')).toMatchObject({ code: 0 })
  })

  it('is refused what the role does not allow, with the reason', async () => {
    expect(refusal(await asBob('call', '*', 'cmd.run', 'id'))).toEqual({
      ...{ code: 77, stdout: '' },
      stderr: "reactor: 'bob' may not call 'cmd.run' on web1: no role of theirs grants it",
    })
    expect(refusal(await asBob('wheel', 'key.list_all'))).toEqual({
      ...{ code: 77, stdout: '' },
      stderr: "reactor: 'bob' may not call wheel 'key.list_all': no role of theirs grants it",
    })
    expect(refusal(await asBob('user', 'role', 'bob', 'admin'))).toMatchObject({ code: 77 })
    expect(refusal(await asBob('send', 'shop/order'))).toEqual({
      ...{ code: 77, stdout: '' },
      stderr: "reactor: you may not fire 'shop/order': no role of yours grants it (@fire)",
    })
  })

  it('follows the events that the role allows, and is refused the others', async () => {
    expect(await asBob('tail')).toMatchObject({
      ...{ code: 77, stdout: '' },
      stderr: expect.stringContaining('your roles do not let you read every event'),
    })
    expect((await asBob('tail', 'salt/**')).code).toBe(77)
    expect((await asBob('send', 'deploy/web/done', '{"n": 1}')).code).toBe(0)
    const tail = await asBob('tail', 'deploy/**', '--since', '1m', '--count', '1', '--json')
    expect(JSON.parse(tail.stdout)).toMatchObject({ tag: 'deploy/web/done', data: { n: 1 }, origin: '_user-bob' })
  })

  it('sees their own jobs and no others', async () => {
    const others = JSON.parse((await admin(['call', '*', 'test.ping', '--async', '--json'])).stdout)
    const own = JSON.parse((await asBob('call', '*', 'test.sleep', '0.3', '--async', '--json')).stdout)
    const watched = await asBob('jobs', 'watch', own.jid, '--json')
    expect(watched).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`{"jid":"${own.jid}","counts":{"returned":1}}`),
    })
    expect(await asBob('jobs', 'show', others.jid)).toMatchObject({ code: 1, stdout: '' })
    const { jobs } = JSON.parse((await asBob('jobs', 'list', '--json')).stdout)
    expect(jobs.map(({ jid }: { jid: string }) => jid)).toContain(own.jid)
    expect([...new Set(jobs.map(({ user }: { user: string }) => user))]).toEqual(['bob'])
  })

  it('watches their own jobs alone', async () => {
    const lines = createSeen<string>()
    let running: ChildProcess | undefined
    const watch = command(['jobs', 'watch', '--json'], {
      ...{ cwd: home, env: { XDG_CONFIG_HOME: join(home, 'config') } },
      onSpawn(child) {
        running = child
        createInterface(child.stdout!).on('line', line => lines.push(line))
      },
    })
    await admin(['call', '*', 'test.ping'])
    const { jid } = JSON.parse((await asBob('call', '*', 'test.ping', '--async', '--json')).stdout)
    await lines.find(line => line.includes(jid) && line.includes('"active":false'), 'the end of the job')
    running!.kill('SIGINT')
    expect(await watch).toMatchObject({ code: 0, stderr: '' })
    const { jobs } = JSON.parse((await asBob('jobs', 'list', '--json')).stdout)
    const own = new Set(jobs.map((job: { jid: string }) => job.jid))
    expect(lines.items.filter(line => !own.has(JSON.parse(line).jid))).toEqual([])
  })

  it('has another password from the moment it is changed', async () => {
    expect((await admin(['user', 'passwd', 'bob', '--password-stdin'], 'battery staple\n')).code).toBe(0)
    expect(await asBob('run', 'test.arg', '1')).toMatchObject({
      code: 77,
      stderr: expect.stringContaining("the name 'bob' or the password is not right"),
    })
    await password('battery staple')
    expect((await asBob('run', 'test.arg', '1')).code).toBe(0)
  })

  it('may use a NATS client of their own, and is refused the same', async () => {
    const nats = await connect({
      ...{ servers: reactor.ready.server, user: 'bob', pass: 'battery staple', inboxPrefix: '_INBOX__user-bob' },
    })
    try {
      const claim = headers()
      claim.set('Reactor-User', 'admin')
      const ask = async (subject: string, body: unknown): Promise<Answer> =>
        (await nats.request(subject, JSON.stringify(body), { timeout: 40_000, headers: claim })).json<Answer>()
      const refused = await ask('reactor.publish', { tgt: 'web1', fun: 'cmd.run', arg: ['id'] })
      expect(refused.error).toMatchObject({ code: 'forbidden', message: expect.stringContaining("'bob' may not call") })
      const { jid } = await ask('reactor.publish', { tgt: '*', fun: 'test.sleep', arg: [0.2] })
      let answer: Answer = {}
      while (answer.job?.active !== false)
        answer = await ask('reactor.history.job', { jid, wait: 30, after: answer.marker })
      expect(answer.job).toMatchObject({ user: 'bob', returns: { web1: { return: true, success: true } } })
    } finally {
      await nats.close()
    }
  })

  it('may log in by a key, under the name that it is registered for', async () => {
    const seed = join(home, 'ann.nk')
    expect((await admin(['user', 'add', 'ann', '--role', 'reader', '--gen-key', seed])).code).toBe(0)
    expect((await stat(seed)).mode & 0o777).toBe(0o600)
    const asAnn = (...args: string[]) => asBob(...args, '--context', 'prod', '--seed', seed)
    expect(await asAnn('jobs', 'list', '--user', 'ann')).toMatchObject({ code: 0 })
    expect(await asAnn('jobs', 'list')).toMatchObject({
      code: 77,
      stderr: expect.stringContaining(`the key ${seed} is not that of the operator 'bob'`),
    })
    expect((await admin(['user', 'add', 'ben', '--role', 'reader', '--gen-key', seed])).code).toBe(73)
    await mkdir(join(home, 'other'))
    const refused = join(home, 'other/ben.nk')
    expect((await admin(['user', 'add', 'ann', '--role', 'reader', '--gen-key', refused])).code).toBe(1)
    await expect(stat(refused)).rejects.toThrow('ENOENT')
  })

  it('may do what the new roles say, once they are changed', async () => {
    expect((await admin(['user', 'role', 'bob', 'reader'])).code).toBe(0)
    expect((await asBob('call', '*', 'test.ping')).code).toBe(77)
    const tail = await asBob('tail', '--since', '1m', '--count', '1', '--json')
    expect(tail).toMatchObject({ code: 0, stderr: '' })
  })

  it('is cut off when they are removed', async () => {
    const lines = createSeen<string>()
    const tail = command(['tail', '--json', '--since', '10m'], {
      ...{ cwd: home, env: { XDG_CONFIG_HOME: join(home, 'config') } },
      onSpawn: child => void child.stdout!.on('data', (text: string) => lines.push(text)),
    })
    await lines.reach(1)
    expect((await admin(['user', 'remove', 'bob'])).code).toBe(0)
    expect(await tail).toMatchObject({ code: 77, stderr: expect.stringContaining('the connection to the NATS server') })
    expect(await asBob('run', 'test.arg', '1')).toMatchObject({ code: 77 })
    expect((await admin(['user', 'remove', 'bob'])).code).toBe(1)
  })
})
