// Pillar from the files to the minion and back in what it says, with the processes that there are.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import { parseConfig } from '../../src/config/load.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { runLocally } from '../../src/processes/local.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { followEvents, keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { allStored } from '../helpers/stored.ts'
import { untilTaken } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const SECRET = 'correct horse battery'

async function startSystem(namespace: string) {
  const dir = await testFolder()
  const roots = join(dir, 'pillar')
  await mkdir(roots)
  await writeFile(join(dir, 'secret'), `${SECRET}\n`)
  const write = (name: string, text: string) => writeFile(join(roots, name), text)
  await write('top.sls', "base: {'*': [main]}\n")
  await write('main.sls', `role: {name: front}\npassword: !file ${join(dir, 'secret')}\n`)
  const { log, lines } = keptLog()
  const config = (more: Record<string, unknown> = {}) =>
    parseConfig(
      {
        ...{ isolation: 'none', servers: [server.url], namespace, pillar_roots: { base: [roots] } },
        cache: { dir: join(dir, 'cache') },
        loop_interval: '100ms',
        ...more,
      },
      'the test',
    )
  const started = [await startMaster(config(), log), await startCache(config(), log), await startJobs(config(), log)]
  const startOne = async (id: string, grains: Record<string, unknown> = {}) => {
    const minion = await startMinion(config({ minion: { id, dir: join(dir, id), grains } }), log)
    started.push(minion)
    return minion
  }
  const nc = await connect({ servers: server.url })
  const subjects = createSubjects(namespace)
  const events = followEvents(nc, `${namespace}.live.`)
  await nc.flush()
  onTestFinished(async () => {
    for (const process of started.reverse()) await process.stop()
    await nc.close()
  })
  /** The minions it is for, and the return of each. */
  const call = async (tgt: string, tgt_type: string, fun: string, arg: unknown[] = [], kwarg = {}) => {
    const request = { tgt, tgt_type, fun, arg, kwarg }
    const options = { timeoutMs: 10_000, what: 'publish' }
    const { jid, minions } = await requestJson<{ jid: string; minions: string[] }>(
      nc,
      subjects.publish,
      request,
      options,
    )
    const returns: Record<string, JobReturn> = {}
    for (const id of minions) {
      const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/ret/${id}`, `the return of ${fun}`)
      returns[id] = data as unknown as JobReturn
    }
    return returns
  }
  const run = (fun: string, args: unknown) =>
    requestJson(nc, subjects.runner(fun), args, { timeoutMs: 10_000, what: fun })
  return { dir, write, config, log, lines, nc, events, startOne, call, run, namespace }
}

it('a minion has its pillar, is found by it, and nobody else sees its secrets', async () => {
  const { startOne, call, run, write, dir, lines, namespace } = await startSystem('pillar-whole')
  await startOne('web1')
  await startOne('db1')
  const password = join(dir, 'secret')
  const shown = { role: { name: 'front' }, password: '[redacted]' }
  expect(await call('web1', 'glob', 'pillar.items')).toMatchObject({ web1: { return: shown, success: true } })
  expect(await run('pillar.show_pillar', ['web1'])).toEqual(shown)
  expect(await run('pillar.show_top', ['web1'])).toEqual({ base: ['main'] })

  await write('top.sls', "base: {'*': [main], 'db*': [db]}\n")
  await write('db.sls', 'role: {name: store}\n')
  expect(await call('*', 'glob', 'saltutil.refresh_pillar')).toMatchObject({
    web1: { return: true },
    db1: { return: true },
  })
  await untilTaken('targets to see it', async () =>
    expect(Object.keys(await call('I@role:name:store', 'compound', 'test.ping'))).toEqual(['db1']),
  )
  await expect(call('password:*horse*', 'pillar', 'test.ping')).rejects.toThrow('no minions matched')

  // Whatever says it: a return, arguments, an event, a failure, the schedule.
  await call('web1', 'glob', 'event.send', ['mine/own', { password: SECRET }])
  expect(await call('web1', 'glob', 'cmd.run', [`cat ${password}`], { python_shell: true })).toMatchObject({
    web1: { return: '[redacted]' },
  })
  await write(
    'main.sls',
    `password: !file ${password}\nschedule: {tell: {function: test.echo, args: [!file ${password}], seconds: 1}}\n`,
  )
  await call('web1', 'glob', 'saltutil.refresh_pillar')
  const { web1: listed } = await call('web1', 'glob', 'schedule.list')
  expect(String(listed?.return)).toContain('[redacted]')
  expect(JSON.stringify(lines.items)).not.toContain(SECRET)
  await call('web1', 'glob', 'test.ping')
  // What the test itself asked for as an argument is the asker's own word: everything else has it nowhere.
  const stored = (await allStored(server.url, namespace, join(dir, 'cache')))
    .split('\n')
    .filter(line => line.includes(SECRET) && !line.includes('mine/own'))
  expect(stored).toEqual([])
})

it('a schedule comes with the pillar, and goes with it', async () => {
  const { startOne, call, write, events } = await startSystem('pillar-schedule')
  await startOne('web1')
  await write('main.sls', 'schedule: {tell: {function: test.echo, args: [hello], seconds: 1}}\n')
  expect(await call('web1', 'glob', 'saltutil.refresh_pillar')).toMatchObject({ web1: { return: true } })
  const { data } = await events.find(({ data }) => (data as { schedule?: string }).schedule === 'tell', 'its return')
  expect(data).toMatchObject({ fun: 'test.echo', return: 'hello', id: 'web1' })
  await write('main.sls', 'a: 1\n')
  await call('web1', 'glob', 'saltutil.refresh_pillar')
  expect((await call('web1', 'glob', 'schedule.list')).web1?.return).toBe('schedule: {}\n')
})

it('a pillar with errors is in force without what is wrong, and its refresh says so', async () => {
  const { startOne, call, write, events } = await startSystem('pillar-errors')
  await startOne('web1')
  await startOne('db1')
  await write('top.sls', "base: {'*': [main], 'db*': [broken]}\n")
  await write('broken.sls', 'a: {{ missing }}\n')
  const said = "Rendering SLS 'broken' failed. Please see master log for details."
  const returned = await call('*', 'glob', 'saltutil.refresh_pillar')
  expect(returned.web1).toMatchObject({ return: true, success: true })
  expect(returned.db1).toMatchObject({ return: expect.stringContaining(said), success: false })
  expect((await call('db1', 'glob', 'pillar.items')).db1).toMatchObject({
    return: { role: { name: 'front' }, _errors: [said] },
    success: false,
  })
  const { data } = await events.find(({ tag }) => tag === 'salt/pillar/db1/errors', 'the event')
  expect(data).toMatchObject({ id: 'db1', errors: [expect.stringContaining("'missing' is undefined")] })
  expect(events.items.some(({ tag }) => tag === 'salt/pillar/web1/errors')).toBe(false)
})

it('without a server the pillar is that of the own pillar_roots', async () => {
  const { config, log } = await startSystem('pillar-local')
  const { returned } = await runLocally(
    config({ minion: { id: 'web1', dir: await testFolder() } }),
    { fun: 'pillar.get', arg: ['role:name'], kwarg: {}, user: 'ada' },
    { masterless: true, signal: new AbortController().signal, log },
  )
  expect(returned).toMatchObject({ return: 'front', success: true })
})
