import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { query } from '../../src/modules/http.ts'
import { query as runnerQuery } from '../../src/runners/http.ts'
import { createContext } from './call-context.ts'
import { TEST_CERT } from './certificate.ts'
import { createCaller } from './http-call.ts'
import { json, startHttp } from './http-test-server.ts'

const { call, fail } = createCaller({ key: 'event-1/deploy/0' })

describe('the request', () => {
  it('is a GET with the parameters added to the query', async () => {
    const { url, seen } = await startHttp(json({ ok: true }))
    const result = await call(`${url}/a?x=1`, { params: { y: 'ü z', list: [1, 2] } })
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/a?x=1&y=%C3%BC+z&list=1&list=2', body: '' })
    expect(result).toMatchObject({ status: 200, dict: { ok: true }, tries: 1 })
  })

  it.each([
    ['JSON', { json: { a: [1] } }, '{"a":[1]}', 'application/json'],
    ['a JSON null', { json: null }, 'null', 'application/json'],
    ['a form', { form: { a: 'b c', n: 1 } }, 'a=b+c&n=1', 'application/x-www-form-urlencoded'],
    ['raw text', { data: '<x/>', headers: { 'Content-Type': 'text/xml' } }, '<x/>', 'text/xml'],
  ])('carries %s', async (_what, args, body, type) => {
    const { url, seen } = await startHttp(json({}))
    await call(url, { method: 'post', ...args })
    expect(seen[0]).toMatchObject({ method: 'POST', body, headers: { 'content-type': type } })
  })

  it("takes headers under the project's name and under Salt's", async () => {
    const { url, seen } = await startHttp(json({}))
    await call(url, { header_dict: { 'X-A': 'salt', 'X-B': 2 }, headers: { 'x-a': 'own' } })
    expect(seen[0]!.headers).toMatchObject({ 'x-a': 'own', 'x-b': '2', 'user-agent': 'reactor' })
  })

  it('carries the key of the work as Idempotency-Key, but not on a GET', async () => {
    const { url, seen } = await startHttp(json({}))
    await call(url, { method: 'POST', json: 1 })
    await call(url)
    expect(seen[0]!.headers['idempotency-key']).toBe('event-1/deploy/0')
    expect(seen[1]!.headers).not.toHaveProperty('idempotency-key')
  })

  it('hashes a key that a header cannot hold, the same each time', async () => {
    const { url, seen } = await startHttp(json({}))
    const umlaut = createCaller({ key: 'event-1/größe\r\n/0' })
    await umlaut.call(url, { method: 'POST' })
    await umlaut.call(url, { method: 'POST' })
    expect(seen[0]!.headers['idempotency-key']).toMatch(/^[0-9a-f]{64}$/)
    expect(seen[1]!.headers['idempotency-key']).toBe(seen[0]!.headers['idempotency-key'])
  })

  it.each([
    ['a name and password', { username: 'me', password: 'pass:word' }, `Basic ${btoa('me:pass:word')}`],
    ['a token', { bearer: 'abcdef' }, 'Bearer abcdef'],
  ])('proves itself with %s', async (_what, args, authorization) => {
    const { url, seen } = await startHttp(json({}))
    await call(url, args)
    expect(seen[0]!.headers.authorization).toBe(authorization)
  })

  it('takes a login out of the url and never shows it', async () => {
    const { host, seen } = await startHttp(json({ no: 1 }, 403))
    const error = await fail(`http://me:hunter22@${host}/x`)
    expect(seen[0]!.headers.authorization).toBe(`Basic ${btoa('me:hunter22')}`)
    expect(error.message).toContain(`GET http://${host}/x answered 403, expected 2xx: {"no":1}`)
    expect(JSON.stringify([error, error.stack])).not.toContain('hunter22')
  })

  it('is an execution and a runner function, neither of them idempotent', () => {
    expect(query).toMatchObject({ kind: 'execution', idempotent: false })
    expect(runnerQuery).toMatchObject({ kind: 'runner', idempotent: false })
  })

  it.each([
    ['two bodies', 'http://x', { method: 'POST', json: 1, data: 'x' }, 'takes one body, got data and json'],
    ['a body without a method', 'http://x', { json: 1 }, 'json: a GET request has no body; add method=POST'],
    ['two logins', 'http://x', { bearer: 'a', username: 'b', password: 'c' }, 'takes one login'],
    ['half a login', 'http://x', { username: 'b' }, "needs 'username' and 'password' together"],
    ['another scheme', 'file:///etc/passwd', {}, "'file:' is not supported; expected http: or https:"],
    ['no address', 'http://', {}, 'expected an address such as https://example.com/path'],
    ['nothing', undefined, {}, "url: missing: give 'url', or a 'profile' that has one"],
    ['an unknown method', 'http://x', { method: 'BREW' }, "argument 'method'"],
    ['a line break in a header', 'http://x', { headers: { a: 'b\r\nc: d' } }, "the value of 'a' has a line break"],
    ['a bad header name', 'http://x', { headers: { 'a b': 'c' } }, '"a b" is no header name'],
    ['a header of the client', 'http://x', { headers: { 'Content-Length': 3 } }, 'is set by the client itself'],
    ['a status that is none', 'http://x', { status: '2yy' }, "status: '2yy' is no HTTP status"],
  ])('is refused with %s', async (_what, url, args, message) => {
    expect(await fail(url, args)).toMatchObject({ code: 'bad_argument', message: expect.stringContaining(message) })
  })
})

describe('the answer', () => {
  it('has lower-case headers without cookies', async () => {
    const { url } = await startHttp((_request, response) => {
      response
        .writeHead(200, { 'X-Trace': 'abc', 'Set-Cookie': 'session=1', 'content-type': 'text/plain' })
        .end('hello')
    })
    const result = await call(url)
    expect(result).toMatchObject({ body: 'hello', url: `${url}/`, headers: { 'x-trace': 'abc' } })
    expect(result.headers).not.toHaveProperty('set-cookie')
  })

  it.each([
    ['gzip', gzipSync('{"a":1}')],
    ['br', brotliCompressSync('{"a":1}')],
  ])('is unpacked from %s', async (encoding, bytes) => {
    const { url } = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding, 'content-type': 'application/json' }).end(bytes)
    })
    expect((await call(url)).dict).toEqual({ a: 1 })
  })

  it('is a failure where it says gzip and is none', async () => {
    const { url } = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('plain')
    })
    expect(await fail(url)).toMatchObject({
      code: 'function_failed',
      message: expect.stringContaining('incorrect header'),
    })
  })

  it('that is no JSON is text under auto and a failure under json', async () => {
    const { url } = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":')
    })
    expect(await call(url)).toMatchObject({ body: '{"a":' })
    expect((await fail(url, { decode: 'json' })).message).toBe(
      `GET ${url}/: the answer is no JSON: it begins with "{\\"a\\":"`,
    )
  })

  it('stays text where text was asked for, and is left out where none was', async () => {
    const { url } = await startHttp(json({ a: 1 }))
    expect(await call(url, { decode: 'text' })).toMatchObject({ body: '{"a":1}' })
    expect(Object.keys(await call(url, { decode: 'none' })).sort()).toEqual(['headers', 'status', 'tries', 'url'])
  })

  it('comes as base64 where it is no text', async () => {
    const { url } = await startHttp((_request, response) => void response.end(Buffer.from([0xff, 0xfe, 0xfd])))
    expect(await call(url)).toMatchObject({ body: '//79', encoding: 'base64' })
  })

  it('to a HEAD has no body', async () => {
    const { url } = await startHttp(json({ a: 1 }, 200, { 'content-encoding': 'gzip' }))
    expect(await call(url, { method: 'HEAD', decode: 'json' })).not.toHaveProperty('body')
  })

  it('beyond max_size is a failure, and reading stops', async () => {
    let close = () => {}
    const closed = new Promise<void>(resolve => {
      close = resolve
    })
    const { url } = await startHttp((_request, response) => {
      // Goes on for as long as somebody reads.
      const more = () => void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once('drain', more))
      response.on('close', () => close())
      more()
    })
    expect((await fail(url)).message).toContain('the answer is larger than 1048576 bytes; raise max_size')
    await closed
  })

  it('of 10 MB is taken where max_size allows it', async () => {
    const { url } = await startHttp((_request, response) => void response.end('x'.repeat(10_000_000)))
    expect((await call(url, { max_size: 10_000_000 })).body).toHaveLength(10_000_000)
    expect((await fail(url, { max_size: 9_999_999 })).message).toContain('larger than 9999999 bytes')
  })

  it('counts against max_size as it is when unpacked', async () => {
    const { url } = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(5 * 1024 * 1024)))
    })
    expect((await fail(url)).message).toContain('larger than 1048576 bytes')
  })

  it.each([
    [404, 404],
    ['2xx,404', 404],
    [[200, '400-409'], 404],
    ['5xx', 503],
  ])('is a success where the call expects %j', async (expected, status) => {
    const { url, seen } = await startHttp(json({}, status))
    expect((await call(url, { status: expected })).status).toBe(status)
    expect(seen).toHaveLength(1)
  })

  it('with another status is a failure with at most 500 bytes of the body', async () => {
    const { url } = await startHttp((_request, response) => void response.writeHead(400).end('x'.repeat(10_000)))
    const error = await fail(url)
    expect(error.message).toBe(`GET ${url}/ answered 400, expected 2xx: ${'x'.repeat(500)}`)
    expect(error.details).toMatchObject({ status: 400, tries: 1 })
  })

  it('never repeats a secret that the server echoes, in a return, an error or a log', async () => {
    const { url } = await startHttp((request, response, nth) => {
      const status = nth === 1 ? 500 : nth === 2 ? 200 : 400
      response.writeHead(status, { 'content-type': 'application/json', 'x-echo': request.headers.authorization ?? '' })
      response.end(JSON.stringify({ got: request.headers.authorization, [`${request.headers['x-api-key']}`]: 1 }))
    })
    const profile = { url, bearer: 'token-of-mine', headers: { 'X-Api-Key': 'k-123456' }, timeout: 30 }
    const own = createCaller({ http: { hook: profile } })
    const result = await own.call('', { profile: 'hook' })
    const error = await own.fail('', { profile: 'hook' })
    expect(result.dict).toEqual({ got: '[redacted]', '[redacted]': 1 })
    expect(own.context.logged()).toContain('http.query will try again')
    const all = JSON.stringify([result, error, error.message, error.stack, own.context.logged()])
    expect(all).not.toMatch(/token-of-mine|k-123456/)
  })
})

describe('TLS', () => {
  it('needs a certificate that is trusted', async () => {
    const { url, seen } = await startHttp(json({}), true)
    expect(await fail(url)).toMatchObject({ code: 'unreachable', message: expect.stringContaining('self-signed') })
    expect(seen).toEqual([])
    expect((await call(url, { verify_ssl: false })).status).toBe(200)
  })

  it("trusts the profile's own authority", async () => {
    const { url } = await startHttp(json({}), true)
    const { call } = createCaller({ http: { hook: { url, ca: TEST_CERT } } })
    expect((await call(undefined, { profile: 'hook' })).status).toBe(200)
  })

  it("cannot be loosened for a profile's secrets by the call", async () => {
    const { fail } = createCaller({ http: { hook: { url: 'https://x', bearer: 'abc' } } })
    expect((await fail('', { profile: 'hook', verify_ssl: false })).message).toContain('verify_ssl: the profile')
  })
})

describe('a profile', () => {
  it('has the base that relative addresses are joined to, and its headers and login', async () => {
    const { url, seen } = await startHttp(json({}))
    const profile = { url: `${url}/api/v1/?team=a`, headers: { 'X-Team': 'ops' }, username: 'me', password: 'secret' }
    const { call } = createCaller({ http: { hook: profile } })
    const result = await call('/deploys', { profile: 'hook', params: { n: 1 } })
    expect(seen[0]).toMatchObject({ url: '/api/v1/deploys?team=a&n=1', headers: { 'x-team': 'ops' } })
    expect(seen[0]!.headers.authorization).toBe(`Basic ${btoa('me:secret')}`)
    expect(result.url).toBe(`${url}/…/deploys`)
  })

  it.each([
    ['another host', 'https://evil.example.com/', 'the profile does not go to https://evil.example.com'],
    ['a host that hides in the path', '../../admin', "'../../admin' leaves the path of the profile's url"],
    ['an encoded way out', '%2e%2e/admin', "leaves the path of the profile's url"],
    ['plain http to a listed host', 'http://ok.example.com/', 'the profile does not go to http://ok.example.com'],
  ])('does not take its secrets to %s', async (_what, url, message) => {
    const profile = { url: 'https://hooks.example.com/services/T1', bearer: 'abcd', allow_hosts: ['ok.example.com'] }
    const { fail } = createCaller({ http: { hook: profile } })
    expect(await fail(url, { profile: 'hook' })).toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(message),
    })
  })

  it('keeps an address with two slashes under its own base', async () => {
    const { url, seen } = await startHttp(json({}))
    const { call } = createCaller({ http: { hook: { url } } })
    await call('//evil.example.com/x', { profile: 'hook' })
    expect(seen[0]!.url).toBe('/evil.example.com/x')
  })

  it('goes to the hosts that it lists', async () => {
    const { url, host, seen } = await startHttp(json({}))
    const { call } = createCaller({
      http: { hook: { url: 'https://x.example.com', bearer: 'abcd', allow_hosts: [host] } },
    })
    await call(url, { profile: 'hook' })
    expect(seen[0]!.headers.authorization).toBe('Bearer abcd')
  })

  it('that does not exist is answered with the nearest', async () => {
    const { fail } = createCaller({ http: { hook: { url: 'https://x' } } })
    expect((await fail('', { profile: 'hok' })).message).toContain("no http profile 'hok'. Did you mean 'hook'?")
  })

  it('is found by the function itself in its context', async () => {
    const { url } = await startHttp(json([1]))
    const context = createContext({ http: { hook: { url } } })
    const args = {
      profile: 'hook',
      method: 'GET',
      redirects: 5,
      status: '2xx',
      decode: 'auto',
      max_size: 100,
      retries: 0,
    }
    expect(await query.run(args, context)).toMatchObject({ dict: [1], tries: 1 })
  })
})
