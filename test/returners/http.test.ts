import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { isRefused } from '../../src/functions/define-returner.ts'
import http from '../../src/returners/http.ts'
import { type Answer, inTurn, json, redirect, startHttp } from '../alerts/http-test-server.ts'
import { closedPort } from '../alerts/smtp-test-server.ts'
import { eventOf, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { opened } from './opened.ts'

returnerContract('http', http, async () => {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    settings: { 'http.url': `http://127.0.0.1:${(server.address() as AddressInfo).port}/returns` },
    interrupt: async () => server.closeAllConnections(),
    async remove() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
})

const jid = jidAt(Date.now())
const ok = json({ taken: true })

async function open(settings: Record<string, unknown> = {}, answer: Answer = ok) {
  const server = await startHttp(answer)
  return { store: await opened('http', { url: `${server.url}/returns`, ...settings }), ...server }
}

/** What the store throws. */
const failed = async (promise: Promise<void>) => {
  const error = await promise.then(
    () => undefined,
    (thrown: Error & { code?: string }) => thrown,
  )
  return { refused: isRefused(error), code: error?.code, message: error?.message ?? 'nothing was thrown' }
}

describe('returns over HTTP', () => {
  it('go one by one as they are, each under its key', async () => {
    const { store, seen } = await open({ headers: { 'x-fleet': 'eu' } })
    const odd = JSON.parse('{"__proto__": 1, "a": "\\u0000 \\ud83d 日"}')
    const returns = ['web1', 'web2'].map(id => returnOf(jid, id, { return: odd }))
    await store.returner(returns)
    expect(seen).toHaveLength(2)
    for (const { method, url, headers, body } of seen) {
      const record = JSON.parse(body)
      expect([method, url, headers['content-type'], headers['x-fleet']]).toEqual([
        ...['POST', '/returns', 'application/json', 'eu'],
      ])
      expect(headers['idempotency-key']).toBe(`${jid}/${record.id}`)
      expect(body).toBe(JSON.stringify(returns.find(({ id }) => id === record.id)))
    }
  })

  it('go as lists where that is asked for, under one key for the same list', async () => {
    const { store, seen } = await open({ batch: true, method: 'put' })
    const returns = Array.from({ length: 100 }, (_, n) => returnOf(jid, `web${n}`))
    await store.returner(returns)
    await store.returner(returns)
    await store.returner(returns.slice(0, 1))
    expect(seen.map(({ method, body }) => [method, JSON.parse(body).length])).toEqual([
      ...[
        ['PUT', 100],
        ['PUT', 100],
        ['PUT', 1],
      ],
    ])
    expect(seen[0]!.headers['idempotency-key']).toBe(seen[1]!.headers['idempotency-key'])
    expect(seen[2]!.headers['idempotency-key']).toBe(`${jid}/web0`)
  })

  it('are the last ones of a batch that holds one twice', async () => {
    const { store, seen } = await open()
    await store.returner([returnOf(jid, 'web1', { return: 1 }), returnOf(jid, 'web1', { return: 2 })])
    expect(seen.map(({ body }) => JSON.parse(body).return)).toEqual([2])
  })

  it('go to a profile with its secrets, and show none of them', async () => {
    const { url, seen } = await startHttp(inTurn(ok, json({ said: 'bad token s3cr3t-t0ken' }, 500)))
    const hook = { url: `${url}/base`, bearer: 's3cr3t-t0ken' }
    const store = await opened('http', { profile: 'hook', url: 'returns' }, { http: { hook } })
    await store.returner([returnOf(jid, 'web1')])
    expect(seen[0]).toMatchObject({ url: '/base/returns', headers: { authorization: 'Bearer s3cr3t-t0ken' } })
    const { message } = await failed(store.returner([returnOf(jid, 'web1')]))
    expect(message).toContain('answered 500: {"said":"bad token [redacted]"}')
  })

  it('keep their connections', async () => {
    const server = createServer((request, response) => void request.resume().once('end', () => response.end('{}')))
    const sockets = new Set<unknown>()
    server.on('connection', socket => sockets.add(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const store = await opened('http', { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    for (let n = 0; n < 20; n++) await store.returner([returnOf(jid, `web${n}`)])
    // The client may open a few before it knows that the first is free.
    expect(sockets.size).toBeLessThanOrEqual(8)
    await store.close()
    server.close()
  })
})

it('sends events under their ids', async () => {
  const { store, seen } = await open()
  await store.event_return([eventOf('e1'), eventOf('e2')])
  expect(seen.map(({ headers }) => headers['idempotency-key']).sort()).toEqual(['e1', 'e2'])
  expect(JSON.parse(seen[0]!.body)).toMatchObject({ tag: 'deploy/done', data: { n: 1 }, origin: 'web1' })
})

describe('an answer other than 2xx', () => {
  it.each([400, 403, 409, 413, 422])('refuses the record: %i', async status => {
    const { store } = await open({}, json({ why: 'not like that' }, status))
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: true,
      message: expect.stringMatching(new RegExp(`/returns answered ${status}: .*not like that`)),
    })
  })

  it.each([401, 404, 408, 425, 429, 500, 503])('lets it come again: %i', async status => {
    const { store } = await open({}, json({}, status))
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: false,
      message: expect.stringContaining(`answered ${status}`),
    })
  })

  it('is not followed: what it leads to would get no record', async () => {
    const { store, seen } = await open({}, redirect('/elsewhere'))
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: false,
      message: expect.stringContaining('answered 302; it is not followed'),
    })
    expect(seen).toHaveLength(1)
  })

  it('for one record lets the others go', async () => {
    const { store, seen } = await open({}, (request, response) => {
      json({}, JSON.parse(request.body).id === 'bad' ? 422 : 200)(request, response, 1)
    })
    const error = await failed(store.returner(['bad', 'web1', 'web2'].map(id => returnOf(jid, id))))
    expect(error.refused).toBe(true)
    expect(seen).toHaveLength(3)
  })
})

describe('a server that does not answer', () => {
  it('lets the record come again: nobody listens', async () => {
    const store = await opened('http', { url: `http://127.0.0.1:${await closedPort()}` })
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      ...{ refused: false, code: 'unreachable' },
    })
  })

  it('lets the record come again within its time: it is silent', async () => {
    const { store } = await open({ timeout: '200ms' }, () => undefined)
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      ...{ refused: false, code: 'timeout' },
      message: expect.stringContaining('gave no answer within 200ms'),
    })
  })
})

describe('settings', () => {
  it.each([
    [{}, /'http.url': .*missing/],
    [{ url: 'ftp://host/' }, /'http.url': .*not supported/],
    [{ url: 'http://h/', headers: { 'content-length': 3 } }, /set by the client itself/],
    [{ profile: 'hok' }, /there is no http profile 'hok'. Did you mean 'hook'/],
    [{ profile: 'hook', url: 'http://other.example.com/' }, /the profile does not go to http:\/\/other\.example\.com/],
    [{ url: 'http://h/', method: 'GET' }, /'http.method'/],
  ])('that do not fit, such as %j, are said at once', async (settings, message) => {
    const profiles = { http: { hook: { url: 'https://hooks.example.com/v1' } } }
    await expect(opened('http', settings, profiles)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
  })
})
