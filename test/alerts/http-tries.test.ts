import { describe, expect, it } from 'vitest'
import { createCaller, START } from './http-call.ts'
import { type Answer, inTurn, json, redirect, startHttp } from './http-test-server.ts'
import { closedPort } from './smtp-test-server.ts'

const reset: Answer = (_request, response) => void response.socket?.resetAndDestroy()
const hang: Answer = () => {}

describe('another try', () => {
  it.each([429, 500, 502, 503, 504])('follows a %i, with the same Idempotency-Key and body', async status => {
    const { url, seen } = await startHttp(inTurn(json({}, status), json({ ok: 1 })))
    const { call, clock } = createCaller()
    const result = await call(url, { method: 'POST', json: { a: 1 } })
    expect(result).toMatchObject({ dict: { ok: 1 }, tries: 2 })
    expect(seen[1]!.headers['idempotency-key']).toBe(seen[0]!.headers['idempotency-key'])
    expect(seen[1]!.body).toBe('{"a":1}')
    expect(clock.waits).toEqual([500])
  })

  it('waits twice as long each time, then gives up with the last answer', async () => {
    const { url, seen } = await startHttp(json({ error: 'busy' }, 503))
    const { fail, clock } = createCaller()
    const error = await fail(url)
    expect(error.message).toBe(`GET ${url}/ answered 503, expected 2xx: {"error":"busy"}, after 4 tries`)
    expect(error.details).toMatchObject({ status: 503, tries: 4 })
    expect(clock.waits).toEqual([500, 1000, 2000])
    expect(seen).toHaveLength(4)
  })

  it('does not follow other statuses, nor any where retries are 0', async () => {
    const missing = await startHttp(json({}, 404))
    const broken = await startHttp(json({}, 500))
    const { fail } = createCaller()
    await fail(missing.url)
    await fail(broken.url, { retries: 0 })
    expect([missing.seen.length, broken.seen.length]).toEqual([1, 1])
  })

  it.each([
    ['seconds', '7', 7000],
    ['a date', new Date(START + 9000).toUTCString(), 9000],
    ['a date gone by', new Date(START - 9000).toUTCString(), 0],
    ['nonsense', 'soon', 500],
  ])('waits as Retry-After says: %s', async (_what, value, wait) => {
    const { url } = await startHttp(inTurn(json({}, 429, { 'retry-after': value }), json({})))
    const { call, clock } = createCaller()
    expect((await call(url)).tries).toBe(2)
    expect(clock.waits).toEqual([wait])
  })

  it('is not waited for past the time limit', async () => {
    const { url, seen } = await startHttp(json({}, 429, { 'retry-after': '120' }))
    const { fail, clock } = createCaller()
    expect((await fail(url, { timeout: '20s' })).message).toContain(
      'answered 429, expected 2xx: {}; the next try would be in 2m, past the time limit of 20s',
    )
    expect(clock.waits).toEqual([])
    expect(seen).toHaveLength(1)
  })

  it('follows a connection that breaks before or within the answer', async () => {
    const half: Answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half', () => void response.socket?.resetAndDestroy())
    }
    const { url } = await startHttp(inTurn(reset, half, json({ ok: 1 })))
    expect(await createCaller().call(url)).toMatchObject({ dict: { ok: 1 }, tries: 3 })
  })

  it('follows a refused connection, and the last error names the address', async () => {
    const port = await closedPort()
    const { fail, clock } = createCaller()
    const error = await fail(`http://127.0.0.1:${port}/x?token=abcdef`)
    expect(error.code).toBe('unreachable')
    expect(error.message).toMatch(
      new RegExp(`^GET http://127\\.0\\.0\\.1:${port}/x\\?token=redacted failed: .*ECONNREFUSED.*, after 4 tries$`),
    )
    expect(clock.waits).toHaveLength(3)
  })
})

describe('the time limit', () => {
  const drip: Answer = (_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('.'), 5)
    response.on('close', () => clearInterval(timer))
  }
  it.each([
    ['never answers', hang],
    ['sends its body in drips', drip],
  ])('ends the call to a server that %s', async (_what, answer) => {
    const { url } = await startHttp(answer)
    expect(await createCaller().fail(url, { timeout: '150ms' })).toMatchObject({
      code: 'timeout',
      message: `GET ${url}/ had no whole answer within 150ms (try 1)`,
    })
  })

  it('yields to a job that is stopped', async () => {
    const stop = new AbortController()
    const { url } = await startHttp(() => stop.abort(new Error('job killed')))
    const { fail } = createCaller({ signal: stop.signal })
    expect((await fail(url)).message).toBe(`GET ${url}/: stopped: job killed`)
  })

  it('is not needed to stop a job that was stopped before', async () => {
    const { url, seen } = await startHttp(json({}))
    expect((await createCaller({ signal: AbortSignal.abort(new Error('gone')) }).fail(url)).message).toContain('gone')
    expect(seen).toEqual([])
  })
})

describe('a redirect', () => {
  const secrets = { bearer: 'abcdef', headers: { 'X-Api-Key': 'k1234', Accept: 'application/json' } }

  it('within the origin keeps everything', async () => {
    const { url, seen } = await startHttp(inTurn(redirect('/next', 307), json({ ok: 1 })))
    const result = await createCaller().call(url, { method: 'PUT', json: 1, ...secrets })
    expect(result.url).toBe(`${url}/next`)
    expect(seen[1]).toMatchObject({ method: 'PUT', url: '/next', body: '1' })
    expect(seen[1]!.headers).toMatchObject({ authorization: 'Bearer abcdef', 'x-api-key': 'k1234' })
    expect(seen[1]!.headers).toHaveProperty('idempotency-key')
  })

  it('to another origin leaves secrets and the Idempotency-Key behind', async () => {
    const other = await startHttp(json({ ok: 1 }))
    const { url } = await startHttp(redirect(`${other.url}/there`, 308))
    await createCaller().call(url, { method: 'POST', json: 1, ...secrets })
    const { method, body, headers } = other.seen[0]!
    expect({ method, body }).toEqual({ method: 'POST', body: '1' })
    expect(headers).toMatchObject({ accept: 'application/json', 'content-type': 'application/json' })
    for (const name of ['authorization', 'x-api-key', 'idempotency-key']) expect(headers).not.toHaveProperty(name)
  })

  it('back to the first origin does not bring the secrets back', async () => {
    let home = ''
    const other = await startHttp((request, response, nth) => redirect(`${home}/end`)(request, response, nth))
    const { url, seen } = await startHttp(inTurn(redirect(other.url), json({})))
    home = url
    await createCaller().call(url, secrets)
    expect(seen[1]!.headers).not.toHaveProperty('authorization')
  })

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [302, 'PUT', 'PUT'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'DELETE', 'DELETE'],
  ])('with %i turns %s into %s', async (status, method, becomes) => {
    const { url, seen } = await startHttp(inTurn(redirect('/next', status), json({})))
    await createCaller().call(url, method === 'HEAD' ? { method } : { method, data: 'body' })
    expect(seen[1]!.method).toBe(becomes)
    const keepsBody = becomes === method && method !== 'HEAD'
    expect(seen[1]!.body).toBe(keepsBody ? 'body' : '')
    expect('idempotency-key' in seen[1]!.headers).toBe(becomes !== 'GET')
  })

  it('that goes round in circles ends', async () => {
    const { url, seen } = await startHttp(redirect('/again'))
    expect((await createCaller().fail(url)).message).toBe(`${url}/: more than 5 redirects`)
    expect(seen).toHaveLength(6)
  })

  it('is the answer where none is to be followed, or where it is expected', async () => {
    const { url } = await startHttp(redirect('/next'))
    const { call, fail } = createCaller()
    expect((await fail(url, { redirects: 0 })).message).toContain('answered 302, expected 2xx')
    expect(await call(url, { status: 302 })).toMatchObject({ status: 302, headers: { location: '/next' } })
  })

  it.each([
    ['another scheme', 'ftp://example.com/', "redirects to 'ftp:', which is not supported"],
    ['no address', 'http://', 'redirects to something that is no address'],
  ])('to %s is refused', async (_what, to, message) => {
    const { url } = await startHttp(redirect(to))
    expect((await createCaller().fail(url)).message).toContain(message)
  })

  it('from https to plain http is refused', async () => {
    const plain = await startHttp(json({}))
    const { url } = await startHttp(redirect(plain.url), true)
    expect((await createCaller().fail(url, { verify_ssl: false })).message).toContain('from https to plain http')
    expect(plain.seen).toEqual([])
  })

  it('stays within the hosts that the profile allows', async () => {
    const other = await startHttp(json({}))
    const { url } = await startHttp(redirect(other.url))
    const { fail } = createCaller({ http: { hook: { url, allow_hosts: ['ok.example.com'] } } })
    expect((await fail('', { profile: 'hook' })).message).toContain("which the profile's allow_hosts does not have")
    expect(other.seen).toEqual([])
  })
})
