// What an orchestration may do in the name of an operator: the right to run it is no right to its steps.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { CallContext } from '../../src/functions/context.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { createGather } from '../../src/jobs/gather.ts'
import { createOrchestrations } from '../../src/jobs/orchestrate.ts'
import type { RunFunction } from '../../src/jobs/run-function.ts'
import { createRunnerContext, type RunnerContextParts } from '../../src/jobs/runner-context.ts'
import { type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const registry = await loadFunctions('orchestration')
const GRANTS: Grants = { ...NO_GRANTS, local: [{ tgt: 'web*', funs: ['test.*'] }], runner: ['state.*'] }

async function open() {
  const core = await openCore(server)
  const { audit, records } = keptAudit()
  const worker = await openWorker(core, { web1: YES, db1: YES }, { audit })
  const called: string[] = []
  const runFunction: RunFunction = async ({ fun }) => {
    called.push(fun)
    return { jid: '1', outcome: { ok: true, value: null } }
  }
  const parts: Partial<RunnerContextParts> = {
    ...{ nc: core.nc, subjects: core.subjects, publishJob: worker.publish, resolveJob: worker.resolve },
    gather: createGather(core, worker.publish),
    fleet: { values: new Map() },
    targets: { nodegroups: {}, pillar: false },
    rules: {} as never,
    pillars: { show: async () => ({ value: {}, errors: [] }), top: async () => ({ matches: {}, errors: [] }) },
    inner: {
      ...{ runFunction, audit },
      registries: { runner: await loadFunctions('runner'), wheel: await loadFunctions('wheel') },
    },
    orchestrations: createOrchestrations({
      files: {} as never,
      ...{ registry, runners: [], log: silentLog },
    }),
  }
  const stopping = new AbortController()
  const base = { jid: '9', log: silentLog, signal: stopping.signal, fire: async () => undefined }
  const context = createRunnerContext(parts as RunnerContextParts)(base as unknown as CallContext, {
    ...{ fun: 'state.orchestrate_single', arg: [], kwarg: {}, user: 'ann', source: 'OPS', jid: '9' },
    grants: () => GRANTS,
  })
  const step = async (fun: string, name: string, args: Record<string, unknown> = {}) => {
    const run = await context.orchestrations.single(fun, name, args, {})
    const [only] = Object.values(run as Record<string, { result: unknown; comment: string; changes: unknown }>)
    return only!
  }
  return { ...worker, stopping, step, called, audited: records }
}

it('its steps on minions need a right of their own on each of them, and refusals are recorded', async () => {
  const { step, got, audited } = await open()
  for (const [fun, name, args, refused] of [
    ['salt.function', 'test.ping', { tgt: 'db1' }, "'ann' may not call 'test.ping' on db1"],
    ['salt.function', 'cmd.run', { tgt: 'web1', arg: ['id'] }, "'ann' may not call 'cmd.run'"],
    ['salt.state', 'x', { tgt: 'web1', sls: 'site' }, "'ann' may not call 'state.sls'"],
    ['salt.state', 'x', { tgt: '*', highstate: true, batch: 1 }, "'ann' may not call 'state.highstate'"],
  ] as const) {
    expect(await step(fun, name, args)).toMatchObject({ result: false, comment: expect.stringContaining(refused) })
    expect(audited.items.at(-1)).toMatchObject({ kind: 'publish', user: 'ann', result: 'refused' })
  }
  expect(got.items).toEqual([])
})

it('its steps that call functions need the right to those', async () => {
  const { step, called } = await open()
  expect((await step('salt.runner', 'http.query')).changes).toEqual({
    return: "'ann' may not call runner 'http.query': no role of theirs grants it",
  })
  expect((await step('salt.wheel', 'key.accept', { match: '*' })).changes).toEqual({
    return: "'ann' may not call wheel 'key.accept': no role of theirs grants it",
  })
  expect(called).toEqual([])
  expect((await step('salt.runner', 'state.orchestrate', { mods: 'x' })).result).toBe(true)
  expect(called).toEqual(['state.orchestrate'])
})

it('goes to minions where they may', async () => {
  const { step, got, stopping } = await open()
  const running = step('salt.function', 'test.echo', { tgt: 'web1', arg: ['hi'] })
  const { job } = await got.find(({ id }) => id === 'web1', 'the job')
  expect(job).toMatchObject({ fun: 'test.echo', arg: ['hi'], user: 'ann' })
  stopping.abort(new Error('the process is stopping'))
  await expect(running).rejects.toThrow('the process is stopping')
})
