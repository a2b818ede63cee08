import { Svcm } from '@nats-io/services'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { VERSION } from '../../src/base/version.ts'
import { type Overflow, serve } from '../../src/bus/serve.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(handle: (text: string) => Promise<unknown>, overflow?: Overflow) {
  const { nc, ns } = await openCore(server)
  const { log, lines } = keptLog()
  const running = await serve(nc, {
    name: `${ns}-own`,
    description: 'x',
    queue: 'q',
    log,
    ...(overflow ? { overflow } : {}),
    endpoints: [{ name: 'own', subject: `${ns}.own`, handle: request => handle(request.string()) }],
  })
  await nc.flush()
  return { ask: (body: string) => nc.request(`${ns}.own`, body, { timeout: 30_000 }), running, lines, nc, ns }
}

describe('a service', () => {
  it('is found with the version of the program', async () => {
    const { nc, ns } = await start(async () => 1)
    const found = []
    for await (const info of await new Svcm(nc).client().info(`${ns}-own`)) found.push(info)
    expect(found.map(({ version }) => version)).toEqual([VERSION])
  })

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

  it('answers what no message can hold with where it is stored, if it can be', async () => {
    const ref = { name: '_answers.x', parts: 2, size: 2_000_002, sha256: 'a'.repeat(64) }
    const stored: Uint8Array[] = []
    const { ask } = await start(
      async text => text.repeat(500_000),
      async bytes => {
        stored.push(bytes)
        return ref
      },
    )
    const reply = await ask('abcd')
    expect(reply.json()).toEqual({ _payload: ref })
    expect(JSON.parse(reply.headers!.get('Reactor-Payload'))).toEqual(ref)
    expect(Buffer.from(stored[0]!).toString()).toBe(JSON.stringify('abcd'.repeat(500_000)))
    expect((await ask('a')).json()).toBe('a'.repeat(500_000))
    expect(stored).toHaveLength(1)
  })

  it('says why it could not be stored', async () => {
    const { ask } = await start(
      async () => 'x'.repeat(2_000_000),
      async () => {
        throw new ReactorError('store_refused', 'the store is full')
      },
    )
    expect((await ask('x')).json()).toEqual({
      error: {
        code: 'function_failed',
        message: expect.stringMatching(/^the return has 2000002 bytes, .* and cannot be stored: the store is full$/),
      },
    })
  })

  it('answers bytes as they are', async () => {
    const { ask } = await start(async () => new Uint8Array([0, 255, 10]))
    expect([...(await ask('x')).data]).toEqual([0, 255, 10])
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
