// Functions that a runner function calls, and events that it hears, in the name of the operator who called it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runner, wheel } from '../../src/functions/define.ts'
import { failedReturn } from '../../src/functions/failed-return.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { Asked } from '../../src/jobs/publish.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import { runnerCalls } from '../../src/jobs/runner-calls.ts'
import { runnerEvents } from '../../src/jobs/runner-events.ts'
import { type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const registries = {
  runner: createRegistry(
    'runner',
    new Map([
      ['own.makes', runner({ doc: 'x', secrets: ['priv'], run: () => 0 })],
      ['own.fails', runner({ doc: 'x', run: () => Promise.reject(failedReturn('no', { retcode: 1 })) })],
    ]),
  ),
  wheel: createRegistry(
    'wheel',
    new Map([['key.gen', wheel({ doc: 'x', args: { id: z.string() }, secrets: ['priv'], run: () => 0 })]]),
  ),
}

async function open(asked: Partial<Asked> = {}, untrusted: FunctionCall['untrusted'] = undefined) {
  const core = await openCore(server)
  const { audit, records } = keptAudit()
  const calls: FunctionCall[] = []
  const by: Asked = { user: 'ann', source: 'OPS', cause: '9', hops: 3, chain: 'r', ...asked }
  const run = runnerCalls(
    {
      ...{ nc: core.nc, subjects: core.subjects, registries, audit },
      runFunction: async call => {
        calls.push(call)
        if (call.fun === 'own.fails')
          return { jid: '1', outcome: { ok: false, code: 'function_failed', message: 'no', value: { retcode: 1 } } }
        return { jid: '1', outcome: { ok: true, value: { priv: 'SU', pub: 'U' } } }
      },
    },
    { fun: 'own.outer', arg: [], kwarg: {}, user: 'ann', untrusted },
    by,
  )
  return { ...core, run, calls, records, grants: asked.grants }
}
const may = (more: Partial<Grants>) => ({ grants: () => ({ ...NO_GRANTS, ...more }) })

describe('a function called within another', () => {
  it('runs in the name of who asked, with their rights and its causes', async () => {
    const { run, calls } = await open(may({ runner: ['own.*'] }))
    expect(await run('runner', 'own.makes', [1], { a: 2 })).toEqual({
      ...{ jid: '1', success: true, return: { priv: '[redacted]', pub: 'U' } },
    })
    expect(calls[0]).toMatchObject({
      ...{ fun: 'own.makes', arg: [1], kwarg: { a: 2 }, user: 'ann', source: 'OPS', cause: '9', hops: 3, chain: 'r' },
    })
    expect(calls[0]!.grants!().runner).toEqual(['own.*'])
    expect(await run('runner', 'own.fails')).toEqual({ jid: '1', success: false, return: { retcode: 1 } })
  })

  it('is refused and recorded where they may not call it, also in the master, which believes this service', async () => {
    const { run, calls, records } = await open(may({ runner: ['own.makes'] }))
    for (const [kind, fun] of [
      ['runner', 'own.fails'],
      ['wheel', 'key.gen'],
    ] as const) {
      const reason = `'ann' may not call ${kind} '${fun}': no role of theirs grants it`
      await expect(run(kind, fun)).rejects.toMatchObject({ code: 'forbidden', message: reason })
      expect(records.items.at(-1)).toMatchObject({
        kind,
        user: 'ann',
        source: 'OPS',
        action: fun,
        result: 'refused',
        reason,
      })
    }
    expect(calls).toEqual([])
  })

  it('asks the master for a wheel function, and keeps its secrets to itself', async () => {
    const { run, nc, subjects } = await open()
    const heard = createSeen<{ body: unknown; user: string | undefined; cause: string | undefined }>()
    nc.subscribe(subjects.wheel('key.gen'), {
      callback: (_error, message) => {
        const header = (name: string) => message.headers?.get(name)
        heard.push({ body: message.json(), user: header('Reactor-User'), cause: header('Reactor-Cause') })
        message.respond(JSON.stringify({ priv: 'SU', pub: 'U' }))
      },
    })
    expect(await run('wheel', 'key.gen', [], { id: 'web1' })).toEqual({
      ...{ success: true, return: { priv: '[redacted]', pub: 'U' } },
    })
    expect(heard.items).toEqual([{ body: [{ __kwarg__: true, id: 'web1' }], user: 'ann', cause: '9' }])
  })

  it('is marked as what an event filled where its caller was given such a value', async () => {
    const { run, calls } = await open({}, [['arg', 0]])
    await run('runner', 'own.makes', ['x'], { a: 1 })
    expect(calls[0]!.untrusted).toEqual([
      ['arg', 0],
      ['kwarg', 'a'],
    ])
  })

  it('is refused in a row of calls without an end', async () => {
    const { run } = await open({ hops: 51 })
    await expect(run('runner', 'own.makes')).rejects.toThrow('calls within calls, at most 50')
  })
})

describe('events', () => {
  it('are heard by their tags, those that may be read, until the wait ends', async () => {
    const { nc, subjects, fire, events } = await open()
    const hear = runnerEvents({ nc, subjects }, may({ read: ['deploy/**', 'other/**'] }))
    const seen = createSeen<string>()
    const waiting = new AbortController()
    await hear('deploy/*/done', ({ tag }) => seen.push(tag), waiting.signal)
    for (const tag of ['deploy/web/done', 'deploy/web/begun', 'other/x/done', 'deploy/a/b/done']) await fire(tag, {})
    expect(await seen.reach(2)).toEqual(['deploy/web/done', 'deploy/a/b/done'])
    const blind = runnerEvents({ nc, subjects }, may({ read: ['other/**'] }))
    await blind('*', ({ tag }) => seen.push(tag), waiting.signal)
    await fire('deploy/c/done', {})
    await fire('other/y', {})
    expect(await seen.reach(4)).toEqual(['deploy/web/done', 'deploy/a/b/done', 'deploy/c/done', 'other/y'])
    waiting.abort()
    await fire('other/z', {})
    await events.find(({ tag }) => tag === 'other/z', 'the last event')
    expect(seen.items).toHaveLength(4)
  })
})
