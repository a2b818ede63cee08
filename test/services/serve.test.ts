import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { serve } from '../../src/services/serve.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(handle: (text: string) => Promise<unknown>) {
  const { nc, ns } = await openCore(server)
  const { log, lines } = keptLog()
  const running = await serve(nc, {
    name: `${ns}-own`,
    version: '1.0.0',
    description: 'x',
    queue: 'q',
    log,
    endpoints: [{ name: 'own', subject: `${ns}.own`, handle: request => handle(request.string()) }],
  })
  await nc.flush()
  return { ask: (body: string) => nc.request(`${ns}.own`, body, { timeout: 5000 }), running, lines, nc, ns }
}

describe('a service', () => {
  it('answers with JSON', async () => {
    const { ask } = await start(async text => ({ text }))
    expect((await ask('hi')).json()).toEqual({ text: 'hi' })
  })

  it('answers an expected failure without a word in the log, and a defect with one', async () => {
    const { ask, lines } = await start(async text => {
      throw text === 'defect' ? new TypeError('x is undefined') : new ReactorError('forbidden', 'you may not')
    })
    const refused = await ask('x')
    expect(refused.headers?.get('Nats-Service-Error-Code')).toBe('403')
    expect(refused.json()).toEqual({ error: { code: 'forbidden', message: 'you may not' } })
    expect(lines.items).toEqual([])
    expect((await ask('defect')).headers?.get('Nats-Service-Error-Code')).toBe('500')
    expect(lines.items).toMatchObject([{ endpoint: 'own' }])
  })

  it('answers what no message can hold with an error', async () => {
    const { ask } = await start(async () => 'x'.repeat(2_000_000))
    const reply = await ask('x')
    expect(reply.headers?.get('Nats-Service-Error-Code')).toBe('500')
    expect(reply.json<{ error: { message: string } }>().error.message).toMatch(/payload|bytes/i)
  })

  it('cuts the message of an error that repeats more than an answer can hold, and lives on', async () => {
    const { ask } = await start(async text => {
      if (text === 'x') throw new ReactorError('bad_argument', `no argument '${'y'.repeat(1_048_000)}'`)
      return text
    })
    const reply = await ask('x')
    expect(reply.headers?.get('Nats-Service-Error-Code')).toBe('400')
    expect(reply.json<{ error: { message: string } }>().error.message).toHaveLength(4000)
    expect((await ask('after')).json()).toBe('after')
  })

  it('ends what is in hand before it has stopped', async () => {
    const begun = createGate()
    const gate = createGate()
    const { ask, running } = await start(async () => {
      begun.open()
      await gate.passed
      return 'done'
    })
    const reply = ask('x')
    await within(begun.passed, 'the request')
    const stopped = running.stop()
    gate.open()
    await stopped
    expect((await reply).json()).toBe('done')
  })
})
