import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { untrustedSources } from '../../src/protocol/trust.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { hmac, NEW, OLD, openGateway, SECRETS } from './gate.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const bearer = (token = OLD) => ({ authorization: `Bearer ${token}` })
const BEARER = { type: 'bearer', secrets: SECRETS }

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

describe('a webhook', () => {
  it('is an event with its post and the headers that may be shown, stored before it is accepted', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/ci/**': { auth: BEARER, headers: ['X-Build'] } } })
    const headers = { ...bearer(), ...JSON_TYPE, 'x-build': '7', 'x-other': 'no', cookie: 'a=b', 'user-agent': 'ci/1' }
    const answer = await gate.post('/hook/ci/build?x=1', '{"ok":true}', headers)
    expect(answer).toMatchObject({ status: 202, json: { event: expect.any(String) } })
    expect(await gate.stored()).toEqual([
      {
        id: answer.json.event,
        tag: 'salt/netapi/hook/ci/build',
        data: {
          post: { ok: true },
          headers: { 'Content-Type': 'application/json', 'User-Agent': 'ci/1', 'X-Build': '7' },
          body: '',
        },
      },
    ])
  })

  it('holds text in its body where it is no map', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/any': { auth: 'none' } } })
    await gate.post('/hook/any', 'plain words', { 'content-type': 'text/plain' })
    await gate.post('/hook/any', 'a=1&b=2', { 'content-type': 'application/x-www-form-urlencoded' })
    expect((await gate.stored()).map(({ data }) => [data.post, data.body])).toEqual([
      [{}, 'plain words'],
      [{ a: '1', b: '2' }, ''],
    ])
  })

  it('comes from the gateway, whose values and tag no rule trusts', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/**': { auth: 'none' } } })
    await gate.post('/hook/a%3B%20id', '{"id":"web1"}', JSON_TYPE)
    const event = await gate.events.find(({ tag }) => tag === 'salt/netapi/hook/a; id', 'the event')
    expect(event).toMatchObject({ origin: { kind: 'service', id: '_gateway' }, believed: true, hops: 0 })
    // data, id, tag and grains; the origin alone is attested.
    expect(untrustedSources(event.origin, event.tag, event.data)).toBe(1 + 2 + 4 + 8)
  })

  it('is refused by a path without a hook, another method, no proof, another address', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/ci': { auth: BEARER }, '/hook/far': { auth: 'none', allow: ['192.0.2.0/24'] } },
    })
    expect(await gate.post('/hook/other')).toMatchObject({ status: 404, json: { error: expect.any(String) } })
    expect(await gate.post('/')).toMatchObject({ status: 404 })
    const got = await gate.post('/hook/ci', '', bearer(), 'GET')
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    const unproved = await gate.post('/hook/ci')
    expect([unproved.status, unproved.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await gate.post('/hook/ci', '', bearer('wrong'))).toMatchObject({ status: 401 })
    expect(await gate.post('/hook/far')).toMatchObject({ status: 403 })
    expect(await gate.post('/hook/ci', '{', { ...bearer(), ...JSON_TYPE })).toMatchObject({ status: 400 })
    expect(await gate.post('/hook/ci', 'x', { ...bearer(), 'content-encoding': 'gzip' })).toMatchObject({ status: 415 })
    expect(await gate.stored()).toEqual([])
  })

  it('comes from where a trusted proxy says', async () => {
    const gate = await openGateway(server, {
      trusted_proxies: ['127.0.0.1'],
      hooks: { '/hook/far': { auth: 'none', allow: ['192.0.2.0/24'] } },
    })
    expect(await gate.post('/hook/far', '', { 'x-forwarded-for': '192.0.2.9' })).toMatchObject({ status: 202 })
    const forged = { 'x-forwarded-for': '192.0.2.9, 198.51.100.1' }
    expect(await gate.post('/hook/far', '', forged)).toMatchObject({ status: 403 })
  })

  it('has a size, with and without a length that is told', async () => {
    const gate = await openGateway(server, { max_body: 100, hooks: { '/hook/x': { auth: 'none' } } })
    expect(await gate.post('/hook/x', 'x'.repeat(100))).toMatchObject({ status: 202 })
    expect(await gate.post('/hook/x', 'x'.repeat(101))).toMatchObject({ status: 413 })
    const chunk = `${(200).toString(16)}\r\n${'x'.repeat(200)}\r\n0\r\n\r\n`
    const chunked = `POST /hook/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`
    expect(await gate.raw(chunked)).toMatch(/^HTTP\/1\.1 413 /)
    expect(await gate.stored()).toHaveLength(1)
  })

  it('that makes an event larger than a message is too large, whatever the bound says', async () => {
    const gate = await openGateway(server, { max_body: 8_000_000, hooks: { '/hook/x': { auth: 'none' } } })
    expect(await gate.post('/hook/x', '\u0001'.repeat(500_000))).toMatchObject({ status: 413 })
  })

  it('comes only so often, by hook and by address', async () => {
    const byHook = await openGateway(server, { hooks: { '/hook/x': { auth: BEARER, rate: 0.01 } } })
    // Those without proof take nothing away from those who have it.
    for (let i = 0; i < 3; i++) expect(await byHook.post('/hook/x')).toMatchObject({ status: 401 })
    expect(await byHook.post('/hook/x', '', bearer())).toMatchObject({ status: 202 })
    const limited = await byHook.post('/hook/x', '', bearer())
    expect([limited.status, Number(limited.headers.get('retry-after')) > 1]).toEqual([429, true])
    const byAddress = await openGateway(server, { address_rate: 0.01, hooks: { '/hook/x': { auth: 'none' } } })
    expect(await byAddress.post('/hook/none')).toMatchObject({ status: 404 })
    expect(await byAddress.post('/hook/x')).toMatchObject({ status: 429 })
    expect(await byAddress.post('/healthz', '', {}, 'GET')).toMatchObject({ status: 200, json: { ok: true } })
    expect(await byAddress.stored()).toEqual([])
  })
})

describe('a signed webhook', () => {
  it('is stored once however often it is repeated, at whatever path of its hook', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/github/**': { auth: { type: 'github', secrets: SECRETS } } },
    })
    const body = '{"action":"opened"}'
    const send = (path: string, delivery: string, secret = OLD) =>
      gate.post(path, body, {
        ...JSON_TYPE,
        'x-github-event': 'issues',
        'x-github-delivery': delivery,
        'x-hub-signature-256': `sha256=${hmac(secret, body)}`,
      })
    const first = await send('/hook/github/a', '1')
    expect(first.status).toBe(202)
    for (const again of [await send('/hook/github/a', '2'), await send('/hook/github/b', '3', NEW)])
      expect(again).toMatchObject({ status: 202, json: first.json })
    const [event, ...others] = await gate.stored()
    expect(others).toEqual([])
    expect(event).toMatchObject({ id: first.json.event, data: { headers: { 'X-Github-Event': 'issues' } } })
    expect(JSON.stringify(event)).not.toContain(hmac(OLD, body))
  })

  it('of Stripe is known by its id over retries that are signed anew', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/stripe': { auth: { type: 'stripe', secrets: SECRETS } } },
    })
    const body = '{"id":"evt_1","type":"charge"}'
    const send = (time: number) =>
      gate.post('/hook/stripe', body, {
        ...JSON_TYPE,
        'stripe-signature': `t=${time},v1=${hmac(OLD, `${time}.${body}`)}`,
      })
    const now = Math.floor(Date.now() / 1000)
    expect((await send(now - 5)).json).toEqual((await send(now)).json)
    expect(await send(now - 400)).toMatchObject({ status: 401 })
    expect(await gate.stored()).toHaveLength(1)
  })

  it('of Slack answers its challenge, and loses the old token of its body', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/slack': { auth: { type: 'slack', secrets: SECRETS } } } })
    const send = (body: string, type = 'application/json') => {
      const time = String(Math.floor(Date.now() / 1000))
      const signature = `v0=${hmac(OLD, `v0:${time}:${body}`)}`
      const headers = { 'x-slack-request-timestamp': time, 'x-slack-signature': signature, 'content-type': type }
      return gate.post('/hook/slack', body, headers)
    }
    const asked = await send('{"type":"url_verification","challenge":"abc","token":"t"}')
    expect(asked).toMatchObject({ status: 200, json: { challenge: 'abc' } })
    await send('token=xyzzy&command=%2Fdeploy', 'application/x-www-form-urlencoded')
    const payload = '{"type":"block_actions","token":"xyzzy"}'
    await send(`payload=${encodeURIComponent(payload)}`, 'application/x-www-form-urlencoded')
    await send('payload=no+json', 'application/x-www-form-urlencoded')
    expect((await gate.stored()).map(({ data }) => data.post)).toEqual([
      { command: '/deploy' },
      { payload: '{"type":"block_actions"}' },
      { payload: 'no json' },
    ])
  })

  it('of Stripe or Slack is taken as what they send alone, for nobody signs as what a body is to be read', async () => {
    const gate = await openGateway(server, {
      hooks: {
        '/hook/stripe': { auth: { type: 'stripe', secrets: SECRETS } },
        '/hook/slack': { auth: { type: 'slack', secrets: SECRETS } },
      },
    })
    const time = String(Math.floor(Date.now() / 1000))
    const send = (path: string, body: string, type: string) =>
      gate.post(path, body, {
        ...{ 'content-type': type, 'x-slack-request-timestamp': time },
        'stripe-signature': `t=${time},v1=${hmac(OLD, `${time}.${body}`)}`,
        'x-slack-signature': `v0=${hmac(OLD, `v0:${time}:${body}`)}`,
      })
    for (const path of ['/hook/stripe', '/hook/slack']) {
      const body = JSON.stringify({ id: 'evt_1', event_id: 'Ev1', token: 'xyzzy' })
      expect(await send(path, body, 'application/json')).toMatchObject({ status: 202 })
      expect(await send(path, body, 'text/plain')).toMatchObject({ status: 415 })
      expect((await send(path, body, 'application/x-www-form-urlencoded')).status).toBe(
        path === '/hook/slack' ? 400 : 415,
      )
    }
    expect(await gate.stored()).toHaveLength(2)
  })

  it('by a bearer is another one at another path of its hook', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/**': { auth: BEARER, delivery_id: { header: 'Idempotency-Key' } } },
    })
    const send = (path: string) => gate.post(path, '', { ...bearer(), 'idempotency-key': '1' })
    const [first, other, again] = [await send('/hook/a'), await send('/hook/b'), await send('/hook/a')]
    expect(other.json).not.toEqual(first.json)
    expect(again.json).toEqual(first.json)
    expect((await gate.stored()).map(({ tag }) => tag)).toEqual(['salt/netapi/hook/a', 'salt/netapi/hook/b'])
  })

  it('by a bearer can be named by a header of its sender', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/x': { auth: BEARER, delivery_id: { header: 'Idempotency-Key' } } },
    })
    const send = (key: Record<string, string>) => gate.post('/hook/x', '', { ...bearer(), ...key })
    expect((await send({ 'idempotency-key': 'a' })).json).toEqual((await send({ 'idempotency-key': 'a' })).json)
    await send({ 'idempotency-key': 'b' })
    expect(await send({})).toMatchObject({ status: 400 })
    expect(await gate.stored()).toHaveLength(2)
  })

  it('never has a secret in its event or in the log', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/x': { auth: BEARER, headers: ['x-note'] } } })
    const body = JSON.stringify({ note: `my token is ${OLD}`, [NEW]: 1 })
    await gate.post('/hook/x', body, { ...bearer(), ...JSON_TYPE, 'x-note': OLD })
    await gate.post(`/hook/x`, body, bearer(`${OLD}x`))
    const all = JSON.stringify([await gate.stored(), gate.lines.items])
    expect(all).not.toContain(OLD)
    expect(all).not.toContain(NEW)
    expect(all).toContain('my token is [redacted]')
  })

  it('that cannot be read is quoted to its sender, and never in the log', async () => {
    const gate = await openGateway(server, {
      hooks: { '/hook/x': { auth: 'none' }, '/hook/alerts': { auth: 'none', kind: 'alertmanager' } },
    })
    const send = async (path: string, body: string) => (await gate.post(path, body, JSON_TYPE)).json.error
    expect(await send('/hook/x', '{"password": hunter2}')).toContain('hunter2')
    const alert = { status: 'firing', labels: { hunter2: 7 }, startsAt: 'now', fingerprint: 'a' }
    expect(await send('/hook/alerts', JSON.stringify({ version: '4', alerts: [alert] }))).toContain('labels.hunter2')
    expect(JSON.stringify(gate.lines.items)).toContain('a webhook was refused')
    expect(JSON.stringify(gate.lines.items)).not.toContain('hunter2')
  })
})

describe('Alertmanager', () => {
  const payload = (...alerts: [string, string][]) =>
    JSON.stringify({
      version: '4',
      receiver: 'reactor',
      groupKey: '{}',
      status: 'firing',
      alerts: alerts.map(([fingerprint, status]) => ({
        status,
        labels: { alertname: 'Down', instance: 'web1' },
        annotations: { summary: 'x' },
        startsAt: '2026-11-20T09:00:00Z',
        fingerprint,
      })),
    })

  it('gives one event an alert, each once though it is told again', async () => {
    const gate = await openGateway(server, { hooks: { '/hook/alerts': { kind: 'alertmanager', auth: BEARER } } })
    const send = (body: string, type = 'application/json') =>
      gate.post('/hook/alerts', body, { ...bearer(), 'content-type': type })
    const first = await send(payload(['a', 'firing'], ['b', 'firing']))
    expect(first).toMatchObject({ status: 202, json: { events: [expect.any(String), expect.any(String)] } })
    await send(payload(['a', 'firing'], ['b', 'resolved']))
    expect((await gate.stored()).map(({ tag, data }) => [tag, data.fingerprint])).toEqual([
      ['salt/netapi/hook/alerts/firing', 'a'],
      ['salt/netapi/hook/alerts/firing', 'b'],
      ['salt/netapi/hook/alerts/resolved', 'b'],
    ])
    expect((await gate.stored())[0]!.data).toMatchObject({
      labels: { instance: 'web1' },
      annotations: { summary: 'x' },
    })
    expect(await send('{"version":"3"}')).toMatchObject({ status: 400 })
    expect(await send(payload(['c', 'firing']), 'text/plain')).toMatchObject({ status: 415 })
    expect(await gate.stored()).toHaveLength(3)
  })
})

describe('request_events', () => {
  it('are a second event a request, which cannot pass for a hook', async () => {
    const gate = await openGateway(server, { request_events: true, hooks: { '/hook/**': { auth: 'none' } } })
    const { json } = await gate.post('/hook/ci/build', 'x')
    expect(await gate.post('/hook/hook/ci')).toMatchObject({ status: 404 })
    expect((await gate.stored()).map(({ tag }) => tag).toSorted()).toEqual([
      'salt/netapi/ci/build',
      'salt/netapi/hook/ci/build',
    ])
    const second = (await gate.stored()).find(({ tag }) => tag === 'salt/netapi/ci/build')
    expect(second?.data).toEqual({
      method: 'POST',
      path: '/hook/ci/build',
      hook: '/hook/**',
      address: '127.0.0.1',
      bytes: 1,
      event: json.event,
    })
  })
})
