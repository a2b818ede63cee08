import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runner, wheel } from '../../src/functions/define.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import { createWheelClient } from '../../src/jobs/wheel-client.ts'
import { serveFunctions } from '../../src/services/functions.ts'
import { openAuthority } from '../helpers/authority.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const call: FunctionCall = {
  fun: 'own.values',
  arg: [1],
  kwarg: { deep: true },
  user: 'rule:r',
  cause: 'event-1',
  hops: 2,
  chain: 'a,r',
  work: { key: 'event-1/r/0/1', causeMs: 1_795_166_300_000 },
}

/** A client, and a master that serves `own.values` where there is one. */
async function start({ master }: { master: boolean }) {
  const { nc, subjects } = await openCore(server)
  const asked = createSeen<FunctionCall>()
  const names = ['own.values', 'sys.list_functions']
  if (master) {
    await serveFunctions({
      nc,
      subjects,
      registry: createRegistry('wheel', new Map(names.map(name => [name, wheel({ doc: 'x', run: () => 1 })]))),
      run: async one => {
        asked.push(one)
        if (one.fun === 'sys.list_functions') return { jid: '2', outcome: { ok: true, value: names } }
        return { jid: '1', outcome: { ok: false, code: 'function_failed', message: 'no such value' } }
      },
      authority: openAuthority(),
      log: keptLog().log,
    })
    await nc.flush()
  }
  return { wheel: createWheelClient(nc, subjects), asked }
}

describe('calling a wheel function for a rule', () => {
  it('hands over the arguments, the work, who asks and what caused it, and gets the outcome with its jid', async () => {
    const { wheel, asked } = await start({ master: true })
    expect(await wheel(call)).toEqual({
      jid: '1',
      outcome: { ok: false, code: 'function_failed', message: 'no such value' },
    })
    expect(asked.items).toEqual([{ ...call, source: 'CORE', grants: expect.any(Function) }])
  })

  it('fails as unreachable while there is no master, so that it is tried again', async () => {
    const { wheel } = await start({ master: false })
    await expect(wheel(call)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('asks again for work that a master took and died with, and not for what has no work', async () => {
    const { nc, subjects } = await openCore(server)
    const works: (string | undefined)[] = []
    nc.subscribe(subjects.wheel('own.values'), {
      callback: (_error, message) => {
        works.push(message.headers?.get('Reactor-Work'))
        if (works.length === 2) message.respond(JSON.stringify({ jid: '1', outcome: { ok: true, value: 1 } }))
      },
    })
    await nc.flush()
    const wheel = createWheelClient(nc, subjects, 50)
    expect(await wheel(call)).toEqual({ jid: '1', outcome: { ok: true, value: 1 } })
    expect(works).toEqual(['event-1/r/0/1', 'event-1/r/0/1'])
    const { work: _, ...other } = call
    await expect(wheel(other)).rejects.toMatchObject({ code: 'timeout' })
    expect(works).toHaveLength(3)
    await expect(wheel(call)).rejects.toMatchObject({ code: 'timeout' })
    expect(works).toHaveLength(6)
  })

  it('fails as unknown where the master has no such function, so that it is not', async () => {
    const { wheel } = await start({ master: true })
    await expect(wheel({ ...call, fun: 'own.value' })).rejects.toMatchObject({
      code: 'unknown_function',
      message: "'own.value' is not available. Did you mean 'own.values'?",
    })
  })
})

it('has no use for runners: their kind has its own subjects', async () => {
  const { nc, subjects } = await openCore(server)
  await serveFunctions({
    nc,
    subjects,
    registry: createRegistry('runner', new Map([['own.values', runner({ doc: 'x', run: () => 1 })]])),
    run: async () => ({ jid: '1', outcome: { ok: true, value: 1 } }),
    authority: openAuthority(),
    log: keptLog().log,
  })
  await nc.flush()
  await expect(createWheelClient(nc, subjects)(call)).rejects.toMatchObject({ code: 'unreachable' })
})
