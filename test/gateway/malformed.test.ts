// Senders that do not keep to HTTP, by raw sockets: nothing of theirs is stored, and others are served as before.
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { openGateway, SECRETS } from './gate.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`
const to = (path: string, ...lines: string[]) => head(`POST ${path} HTTP/1.1`, 'host: x', 'connection: close', ...lines)
const CHUNKED = 'transfer-encoding: chunked'

const MALFORMED: Record<string, string | (string | Uint8Array)[]> = {
  'two lengths': `${to('/hook/open', 'content-length: 1', 'content-length: 2')}ab`,
  'two lengths in one': `${to('/hook/open', 'content-length: 1, 1')}a`,
  'a length and chunks': `${to('/hook/open', 'content-length: 3', CHUNKED)}0\r\n\r\n`,
  'chunks and a length': `${to('/hook/open', CHUNKED, 'content-length: 3')}0\r\n\r\n`,
  'chunks that are not the last coding': `${to('/hook/open', 'transfer-encoding: chunked, identity')}0\r\n\r\n`,
  'a coding nobody knows': `${to('/hook/open', 'transfer-encoding: xchunked')}0\r\n\r\n`,
  'a hidden coding': `${to('/hook/open', 'transfer-encoding : chunked')}0\r\n\r\n`,
  'a chunk without a size': `${to('/hook/open', CHUNKED)}zz\r\nabc\r\n0\r\n\r\n`,
  'a chunk longer than its size': `${to('/hook/open', CHUNKED)}1\r\nabc\r\n0\r\n\r\n`,
  'a chunk of a size beyond numbers': `${to('/hook/open', CHUNKED)}ffffffffffffffffff\r\nabc\r\n0\r\n\r\n`,
  'a chunk that never ends': `${to('/hook/open', CHUNKED)}5\r\nab`,
  'a body that never ends': `${to('/hook/open', 'content-length: 10')}ab`,
  'a negative length': `${to('/hook/open', 'content-length: -1')}`,
  'a length that is no number': `${to('/hook/open', 'content-length: 0x1')}a`,
  'a folded header': `${to('/hook/open', 'x-a: b', ' c: d')}`,
  'a header without a colon': `${to('/hook/open', 'nonsense')}`,
  'a NUL in a header': `${to('/hook/open', 'x-a: a\0b')}`,
  'a NUL in the path': to('/hook/open\0x'),
  'a bare CR': 'POST /hook/open HTTP/1.1\rhost: x\r\r',
  'no host': head('POST /hook/open HTTP/1.1'),
  'another protocol': head('POST /hook/open HTTP/3.0', 'host: x'),
  'no protocol': 'POST /hook/open\r\n\r\n',
  'a space in the path': to('/hook/open x'),
  'more headers than there may be': to(
    '/hook/open',
    ...Array.from({ length: 2000 }, (_, n) => `x-${n}: ${'v'.repeat(20)}`),
  ),
  'a header that is too long': to('/hook/open', `x: ${'v'.repeat(40_000)}`),
  'a path that is too long': to(`/hook/${'x'.repeat(4000)}`),
  'a path longer than all headers': to(`/hook/${'x'.repeat(100_000)}`),
  'dots in the path': to('/hook/x/../open'),
  'dots behind percent signs': to('/hook/%2e%2e/hook/open'),
  'bytes in the path': ['POST /hook/', Uint8Array.of(0xff, 0xfe), to('').slice(5)],
  'a whole URL': to('http://other/hook/open'),
  CONNECT: head('CONNECT x:1 HTTP/1.1', 'host: x', 'connection: close'),
  'a body that is no UTF-8': [to('/hook/open', 'content-length: 2'), Uint8Array.of(0xc3, 0x28)],
  'JSON that is none': `${to('/hook/open', 'content-type: application/json', 'content-length: 1')}{`,
  'JSON without an end to its depth': `${to('/hook/open', 'content-type: application/json', 'content-length: 100000')}${'['.repeat(100_000)}`,
  'a second request in the body of the first': `${to('/hook/shut', 'content-length: 0')}${to('/hook/open', 'content-length: 1')}a`,
  TLS: [Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)],
}

const HOOKS = { '/hook/open': { auth: 'none' }, '/hook/shut': { auth: { type: 'bearer', secrets: SECRETS } } }

describe('what is no HTTP, or HTTP in two ways', () => {
  it('is refused, and nothing of it is stored', async () => {
    const gate = await openGateway(server, { address_rate: 0, request_timeout: '1s', hooks: HOOKS })
    const answers: Record<string, string> = {}
    for (const [name, bytes] of Object.entries(MALFORMED)) answers[name] = await gate.raw(...[bytes].flat())
    const taken = Object.entries(answers).filter(([, text]) => text !== '' && !/^HTTP\/1\.1 (?:4\d\d|505) /.test(text))
    expect(taken).toEqual([])
    expect(await gate.stored()).toEqual([])
    expect(await gate.post('/hook/open', 'x')).toMatchObject({ status: 202 })
  })

  it('ends after a while where a sender is slow, in its head or its body', async () => {
    const gate = await openGateway(server, { request_timeout: '300ms', hooks: HOOKS })
    const slow = (bytes: string) =>
      new Promise<string>(resolve => {
        const socket = connect(gate.port, '127.0.0.1', () => socket.write(bytes))
        let text = ''
        socket.on('data', data => {
          text += String(data)
        })
        socket.on('error', () => undefined)
        socket.on('close', () => resolve(text))
      })
    const texts = await within(
      Promise.all([slow('POST /hook/open HT'), slow(`${to('/hook/open', 'content-length: 10')}abc`)]),
      'the end of slow senders',
    )
    for (const text of texts) expect(text).toMatch(/^HTTP\/1\.1 408 /)
    expect(await gate.stored()).toEqual([])
  })

  it('has no more connections than it may', async () => {
    const gate = await openGateway(server, { max_connections: 3, hooks: HOOKS })
    const sockets = Array.from({ length: 12 }, () => connect(gate.port, '127.0.0.1'))
    const cut = sockets.map(
      socket =>
        new Promise<void>(resolve => {
          socket.on('error', () => undefined)
          socket.on('close', () => resolve())
        }),
    )
    let closed = 0
    const nine = new Promise<void>(resolve => {
      for (const one of cut) void one.then(() => ++closed === 9 && resolve())
    })
    await within(nine, 'the end of nine connections')
    for (const socket of sockets) socket.destroy()
    await within(Promise.all(cut), 'the end of the others')
    await within(
      (async () => {
        while ((await gate.post('/hook/open', 'x').catch(() => ({ status: 0 }))).status !== 202);
      })(),
      'a webhook',
    )
  })

  it('can be any bytes at all', async () => {
    const gate = await openGateway(server, { address_rate: 0, request_timeout: '1s', hooks: HOOKS })
    const valid = `${to('/hook/shut', 'content-type: application/json', 'content-length: 7')}{"a":1}`
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // A valid request with some of its bytes changed, taken out or put in.
      fc
        .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(2), fc.nat(255)), { minLength: 1, maxLength: 8 })
        .map(changes => {
          const bytes = [...Buffer.from(valid)]
          for (const [at, how, byte] of changes) bytes.splice(at, how === 2 ? 0 : 1, ...(how === 0 ? [] : [byte]))
          return Uint8Array.from(bytes)
        }),
      fc
        .array(
          fc.constantFrom(
            'POST ',
            '/hook/shut',
            ' HTTP/1.1',
            '\r\n',
            '\n',
            ':',
            'host: x',
            CHUNKED,
            'content-length: 5',
            '0',
            '5',
            'a'.repeat(5),
            '\0',
            'é',
          ),
        )
        .map(parts => Buffer.from(parts.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(broken, async bytes => {
        const answer = await gate.raw(bytes)
        expect(answer === '' || /^HTTP\/1\.1 (?:4\d\d|505) /.test(answer), answer).toBe(true)
      }),
      { numRuns: 250 },
    )
    expect(await gate.stored()).toEqual([])
    expect(gate.lines.items.filter(({ level }) => Number(level) >= 50)).toEqual([])
    expect(await gate.post('/healthz', '', {}, 'GET')).toMatchObject({ status: 200 })
  })
})
