import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { isRefused } from '../../src/functions/define-returner.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import http from '../../src/returners/http.ts'
import { type Answer, inTurn, json, redirect, startHttp } from '../alerts/http-test-server.ts'
import { closedPort } from '../alerts/smtp-test-server.ts'
import { eventOf, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { createGate } from '../helpers/wait.ts'
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
      expect(headers['idempotency-key']).toMatch(new RegExp(`^${jid}/${record.id}/[\\w-]{16}$`))
      expect(body).toBe(JSON.stringify(returns.find(({ id }) => id === record.id)))
    }
  })

  it('go as lists where that is asked for, of what was not taken before', async () => {
    const { store, seen } = await open({ batch: true, method: 'put' })
    const returns = Array.from({ length: 100 }, (_, n) => returnOf(jid, `web${n}`))
    await store.returner(returns.slice(0, 99))
    await store.returner(returns.slice(0, 99))
    await store.returner(returns)
    expect(seen.map(({ method, body }) => [method, JSON.parse(body).length])).toEqual([
      ...[
        ['PUT', 99],
        ['PUT', 1],
      ],
    ])
  })

  it.each([false, true])(
    'have the same key from each process, and another one where they say something else (lists: %s)',
    async batch => {
      const { url, seen } = await startHttp(ok)
      const one = returnOf(jid, 'web1', { return: { a: 1, b: 2 } })
      const sendBy = async (...records: StoredReturn[]) => {
        const store = await opened('http', { url, batch })
        for (const record of records) await store.returner([record])
      }
      await sendBy(one)
      // Each says itself when it came.
      await sendBy({ ...JSON.parse(JSON.stringify(one)), _stamp: '2026-11-20T09:18:21.000000' })
      await sendBy(one, { ...one, return: { a: 1, b: 3 } }, { ...one, success: false })
      const keys = seen.map(({ headers }) => headers['idempotency-key'])
      expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]])
      expect(new Set(keys.slice(2)).size).toBe(3)
    },
  )

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
    const { message } = await failed(store.returner([returnOf(jid, 'web2')]))
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
  it.each([400, 409, 413, 418, 422])('refuses the record: %i', async status => {
    const { store } = await open({}, json({ why: 'not like that' }, status))
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: true,
      message: expect.stringMatching(new RegExp(`/returns answered ${status}: .*not like that`)),
    })
  })

  it.each([401, 403, 404, 408, 415, 423, 425, 429, 500, 503])('lets it come again: %i', async status => {
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

describe('what was taken', () => {
  /** Takes each but what `status` gives an answer for. */
  const openPicky = (status: (id: string) => number | undefined, settings: Record<string, unknown> = {}) =>
    open(settings, (request, response) => {
      const records = [JSON.parse(request.body)].flat()
      const bad = records.map(({ id }) => status(id)).find(Boolean)
      json({}, bad ?? 200)(request, response, 1)
    })
  const idsOf = (seen: { body: string }[]) => seen.map(({ body }) => JSON.parse(body).id as string)
  const batch = (...ids: string[]) => ids.map(id => returnOf(jid, id))

  it('is not sent again where the server was too busy for the rest', async () => {
    const busy = new Set(['web2', 'web3'])
    const { store, seen } = await openPicky(id => (busy.has(id) ? 429 : undefined))
    const all = batch('web1', 'web2', 'web3', 'web4')
    expect((await failed(store.returner(all))).refused).toBe(false)
    busy.clear()
    seen.length = 0
    await store.returner(all)
    expect(idsOf(seen).sort()).toEqual(['web2', 'web3'])
    await store.returner(all)
    expect(seen).toHaveLength(2)
  })

  it('is not sent again where one was refused and the batch comes in halves, nor is that one', async () => {
    const { store, seen } = await openPicky(id => (id === 'bad' ? 422 : undefined))
    const all = batch('web1', 'bad', 'web2', 'web3')
    expect((await failed(store.returner(all))).refused).toBe(true)
    expect((await failed(store.returner(all.slice(0, 2)))).refused).toBe(true)
    await store.returner(all.slice(2))
    await store.returner(all.slice(0, 1))
    expect(await failed(store.returner(all.slice(1, 2)))).toMatchObject({
      ...{ refused: true, message: expect.stringContaining('answered 422') },
    })
    expect(idsOf(seen).sort()).toEqual(['bad', 'web1', 'web2', 'web3'])
  })

  it.each([false, true])('is sent once a person has seen to what was refused (lists: %s)', async batch => {
    let status = 413
    const { store, seen } = await openPicky(() => (status === 200 ? undefined : status), { batch })
    const one = returnOf(jid, 'web1')
    expect((await failed(store.returner([one, returnOf(jid, 'web2')]))).refused).toBe(true)
    expect((await failed(store.returner([one]))).refused).toBe(true)
    status = 200
    seen.length = 0
    await store.returner([one])
    expect(seen).toHaveLength(1)
  })

  it('holds for lists too: a half that was taken is not sent with the rest', async () => {
    const { store, seen } = await openPicky(id => (id === 'bad' ? 413 : undefined), { batch: true })
    const all = batch('web1', 'web2', 'bad', 'web3')
    expect((await failed(store.returner(all))).refused).toBe(true)
    await store.returner(all.slice(0, 2))
    expect((await failed(store.returner(all))).refused).toBe(true)
    expect(seen.map(({ body }) => JSON.parse(body).length)).toEqual([4, 2, 2])
  })

  it('is sent once also where it comes again while it is on its way', async () => {
    const gate = createGate()
    const { store, seen } = await open({}, (...answer) => void gate.passed.then(() => ok(...answer)))
    const calls = [store.returner(batch('web1', 'web2')), store.returner(batch('web2', 'web1'))]
    gate.open()
    await Promise.all(calls)
    expect(idsOf(seen).sort()).toEqual(['web1', 'web2'])
  })

  it('says nothing of a return that says something else now', async () => {
    const { store, seen } = await open()
    for (const value of [1, 1, 2, 2, 1]) await store.returner([returnOf(jid, 'web1', { return: value })])
    expect(seen.map(({ body }) => JSON.parse(body).return)).toEqual([1, 2, 1])
  })

  it('says nothing of an event of another origin that took its id', async () => {
    const { store, seen } = await open()
    await store.event_return([eventOf('e1', { origin: 'evil' }), eventOf('e1')])
    await store.event_return([eventOf('e1', { origin: 'evil' }), eventOf('e1')])
    expect(seen.map(({ body }) => JSON.parse(body).origin).sort()).toEqual(['evil', 'web1'])
  })

  it('is more each time, though two records are failed on each time', async () => {
    const { store, seen } = await openPicky(id => (id.startsWith('bad') ? 500 : undefined))
    const all = batch('bad1', 'bad2', ...Array.from({ length: 50 }, (_, n) => `web${n}`))
    expect((await failed(store.returner(all))).message).toContain('answered 500')
    expect(seen).toHaveLength(52)
    expect((await failed(store.returner(all))).refused).toBe(false)
    expect(idsOf(seen).slice(52).sort()).toEqual(['bad1', 'bad2'])
  })
})

describe('a server that is too busy', () => {
  const busy = (seconds: string, status = 429) => inTurn(json({}, status, { 'retry-after': seconds }), ok)

  it.each([429, 503])('gets no request until the time that it names, and then all: %i', async status => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { store, seen } = await open({ batch: true }, busy('120', status))
    const returns = [returnOf(jid, 'web1'), returnOf(jid, 'web2')]
    await expect(store.returner(returns)).rejects.toMatchObject({ details: { status, retry_after_ms: 120_000 } })
    vi.advanceTimersByTime(119_000)
    expect(await failed(store.returner(returns))).toMatchObject({
      refused: false,
      message: expect.stringMatching(/answered \d+.*; the next request goes in 1\.0s/),
    })
    expect(seen).toHaveLength(1)
    vi.advanceTimersByTime(1000)
    await store.returner(returns)
    expect(seen).toHaveLength(2)
  })

  it('gets one after ten minutes, however long it names', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { store, seen } = await open({}, busy('31536000'))
    await failed(store.returner([returnOf(jid, 'web1')]))
    vi.advanceTimersByTime(600_000)
    await store.returner([returnOf(jid, 'web1')])
    expect(seen).toHaveLength(2)
  })

  it('refuses nothing for good by an answer that names a time', async () => {
    const { store, seen } = await open({}, inTurn(json({}, 413, { 'retry-after': '60' }), ok))
    expect((await failed(store.returner([returnOf(jid, 'web1')]))).refused).toBe(false)
    // It was about that one.
    await store.returner([returnOf(jid, 'web2')])
    expect(seen).toHaveLength(2)
  })
})

describe('an answer whose body', () => {
  it('does not end means what its status means', async () => {
    const { store, seen } = await open({}, (request, response) => {
      response.writeHead(JSON.parse(request.body).id === 'bad' ? 422 : 200).write('so far')
    })
    await store.returner([returnOf(jid, 'web1')])
    expect((await failed(store.returner([returnOf(jid, 'bad')]))).refused).toBe(true)
    await store.close()
    expect(seen).toHaveLength(2)
  })

  it('cannot be read means what its status means', async () => {
    const { store } = await open({}, json({}, 422, { 'content-encoding': 'unheard-of' }))
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      ...{ refused: true, message: expect.stringMatching(/answered 422$/) },
    })
  })
})

it('is closed once what is in hand has ended', async () => {
  const gate = createGate()
  const { store, seen } = await open({}, (...answer) => void gate.passed.then(() => ok(...answer)))
  const said: string[] = []
  const stored = store.returner([returnOf(jid, 'web1')]).then(() => said.push('stored'))
  const closed = store.close().then(() => said.push('closed'))
  gate.open()
  await Promise.all([stored, closed])
  expect([said, seen.length]).toEqual([['stored', 'closed'], 1])
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
