// State runs as jobs of a minion: what is told of them, one at a time, and their end before they are through.
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
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
import { untilTaken } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function startSystem(namespace: string, sls: Record<string, string>) {
  const dir = await testFolder()
  await mkdir(join(dir, 'salt'))
  await mkdir(join(dir, 'pillar'))
  await writeFile(join(dir, 'pillar', 'top.sls'), "base: {'*': [main]}\n")
  await writeFile(join(dir, 'pillar', 'main.sls'), 'role: front\n')
  for (const [name, text] of Object.entries(sls))
    await writeFile(join(dir, 'salt', `${name}.sls`), text.replaceAll('DIR', dir))
  const { log } = keptLog()
  const config = parseConfig(
    {
      ...{ isolation: 'none', servers: [server.url], namespace, minion: { id: 'web1', dir: join(dir, 'minion') } },
      file_roots: { base: [join(dir, 'salt')] },
      pillar_roots: { base: [join(dir, 'pillar')] },
      cache: { dir: join(dir, 'cache') },
    },
    'the test',
  )
  const started = [await startMaster(config, log), await startCache(config, log), await startJobs(config, log)]
  started.push(await startMinion(config, log))
  const nc = await connect({ servers: server.url })
  const subjects = createSubjects(namespace)
  const events = followEvents(nc, `${namespace}.live.`)
  await nc.flush()
  onTestFinished(async () => {
    for (const process of started.reverse()) await process.stop()
    await nc.close()
  })
  const send = async (fun: string, arg: unknown[] = [], kwarg = {}) => {
    const request = { tgt: 'web1', tgt_type: 'list', fun, arg, kwarg }
    return (await requestJson<{ jid: string }>(nc, subjects.publish, request, { timeoutMs: 10_000, what: 'publish' }))
      .jid
  }
  const returnOf = async (jid: string) =>
    (await events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, `the return of ${jid}`))
      .data as unknown as JobReturn
  const call = async (fun: string, arg: unknown[] = [], kwarg = {}) => returnOf(await send(fun, arg, kwarg))
  const there = (name: string) => untilTaken(name, () => access(join(dir, name)))
  return { dir, config, log, events, send, returnOf, call, there }
}

const GATE = `began:
  cmd.run: [{name: 'touch DIR/began'}]
gate:
  cmd.run: [{name: 'until [ -e DIR/go ]; do sleep 0.02; done'}]
through:
  cmd.run: [{name: 'touch DIR/through'}]
`

describe('a state run on a minion', () => {
  it('tells of each state, and fires what a state asks for', async () => {
    const { events, send, returnOf } = await startSystem('run-told', {
      web: `a:
  test.succeed_with_changes
{{ pillar.role }}:
  test.nop: [{fire_event: web/is/up}]
`,
    })
    const jid = await send('state.apply', ['web'])
    expect(await returnOf(jid)).toMatchObject({ success: true, retcode: 0 })
    const tag = 'test_|-a_|-a_|-succeed_with_changes'
    const told = await events.find(one => one.tag === `salt/job/${jid}/prog/web1/0`, 'the progress')
    expect(told.data).toMatchObject({
      ...{ id: 'web1', jid, fun: 'test.succeed_with_changes', len: 2 },
      ret: { [tag]: { result: true, __run_num__: 0, __sls__: 'web' } },
    })
    const fired = await events.find(one => one.tag === `salt/state_result/${jid}/web1/web/is/up`, 'the event')
    expect(fired.data).toMatchObject({ id: 'web1', ret: { 'test_|-front_|-front_|-nop': { result: true } } })
  })

  it('is refused while another goes on, by the minion and beside it; one that is queued runs afterwards', async () => {
    const { dir, config, log, send, returnOf, call, there } = await startSystem('run-turns', {
      gate: GATE,
      web: 'a: test.nop',
    })
    const first = await send('state.apply', ['gate'])
    await there('began')
    const line = expect.stringMatching(
      new RegExp(
        `^The function "state\\.apply" is running as PID ${process.pid} and was started at .* with jid ${first}$`,
      ),
    )
    expect(await call('state.apply', ['web'])).toMatchObject({ retcode: 1, return: [line] })
    expect(await call('state.apply', ['web'], { test: true })).toMatchObject({ retcode: 1, return: [line] })
    expect(await call('state.running')).toMatchObject({ return: [line] })
    expect(await call('state.apply', ['web'], { concurrent: true })).toMatchObject({ retcode: 0 })
    const beside = await runLocally(
      config,
      { fun: 'state.apply', arg: ['web'], kwarg: {}, user: 'ada', returning: {} },
      { masterless: false, signal: new AbortController().signal, log },
    )
    expect(beside.returned).toMatchObject({ retcode: 1, return: [line] })
    const queued = await send('state.apply', ['web'], { queue: true })
    await writeFile(join(dir, 'go'), '')
    expect(await returnOf(first)).toMatchObject({ retcode: 0 })
    expect(await returnOf(queued)).toMatchObject({ retcode: 0 })
  })

  it('that is killed runs no further state, and the next one may run', async () => {
    const { dir, send, returnOf, call, there } = await startSystem('run-killed', { gate: GATE, web: 'a: test.nop' })
    const first = await send('state.apply', ['gate'])
    await there('began')
    await call('saltutil.kill_job', [first])
    expect(await returnOf(first)).toMatchObject({ success: false })
    await untilTaken('the turn of the next run', async () => {
      if (!(await call('state.apply', ['web'])).success) throw new Error('refused')
    })
    await expect(readFile(join(dir, 'through'))).rejects.toThrow('ENOENT')
  })
})
