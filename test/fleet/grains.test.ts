import type { NatsConnection, SubscriptionOptions } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { serveGrains } from '../../src/fleet/grains-service.ts'
import { followFleet, openMinionBucket } from '../../src/fleet/registry.ts'
import { escapeToken } from '../../src/protocol/token.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start() {
  const { nc, ns, subjects } = await openCore(server)
  const bucket = await openMinionBucket(nc, ns, 1)
  const service = serveGrains(nc, subjects, bucket, silentLog)
  await nc.flush()
  const tell = async (id: string, body: string) =>
    (await nc.request(subjects.ofMinion('grains', id), body, { timeout: 30_000 })).json<{
      ok: boolean
      reason?: string
    }>()
  return { nc, ns, bucket, service, tell }
}

describe('the grains of a minion', () => {
  it.each(['web1', 'a.b', '*', '>', '_master', 'ü ö'])('are stored under its own id: %s', async id => {
    const { nc, ns, tell } = await start()
    expect(await tell(id, '{"os": "Debian", "id": "somebody-else"}')).toEqual({ ok: true })
    const fleet = await followFleet(nc, ns, 1, silentLog)
    expect([...fleet.values]).toEqual([[escapeToken(id), { id, grains: { os: 'Debian', id } }]])
    await fleet.stop()
  })

  it.each([
    ['no JSON', '{oops', /JSON/],
    ['no map', '[1]', /grains must be a map/],
    // A target that looks through them would run out of stack, for every minion.
    ['nested too deep', `{"a": ${'['.repeat(3000)}1${']'.repeat(3000)}}`, /nested deeper than 500 levels/],
  ])('are refused where they are %s, and those before stay', async (_what, body, reason) => {
    const { tell, bucket } = await start()
    await tell('web1', '{"os": "Debian"}')
    expect(await tell('web1', body)).toEqual({ ok: false, reason: expect.stringMatching(reason) })
    expect((await bucket.get('web1'))?.json()).toMatchObject({ grains: { os: 'Debian' } })
  })

  it.each([
    ['is too long for the subjects that name it', 'x'.repeat(1001), /the id has 1001 bytes as a token/],
    ['is too long once it is escaped', 'ü'.repeat(200), /the id has 1200 bytes as a token/],
    ['would steer a terminal', 'web\u001b[2J', /the id has control characters/],
  ])('are refused of a minion whose id %s', async (_what, id, reason) => {
    const { tell, bucket } = await start()
    expect(await tell(id, '{"os": "Debian"}')).toEqual({ ok: false, reason: expect.stringMatching(reason) })
    expect(await bucket.get(escapeToken(id))).toBeNull()
  })

  it('are followed as they change', async () => {
    const { nc, ns, tell } = await start()
    await tell('web1', '{"os": "Debian"}')
    const fleet = await followFleet(nc, ns, 1, silentLog)
    await tell('web1', '{"os": "Alpine"}')
    await within(
      (async () => {
        while (fleet.values.get('web1')?.grains.os !== 'Alpine') await nc.flush()
      })(),
      'the new grains',
    )
    await fleet.stop()
  })

  it('that are malformed in the bucket are left out, and said', async () => {
    const { nc, ns, bucket, tell } = await start()
    await bucket.put('bad', '{"id": 5}')
    await tell('web1', '{}')
    const { log, lines } = keptLog()
    const fleet = await followFleet(nc, ns, 1, log)
    expect([...fleet.values.keys()]).toEqual(['web1'])
    expect(lines.items).toMatchObject([{ key: 'bad', error: 'expected {id, grains}' }])
    await fleet.stop()
  })

  it('are refused where they are more than a quarter of a message', async () => {
    const { nc, tell, bucket } = await start()
    const limit = Math.floor(nc.info!.max_payload / 4)
    const sized = (size: number) => JSON.stringify({ big: 'x'.repeat(size - '{"big":""}'.length) })
    expect(await tell('web1', sized(limit + 1))).toEqual({
      ok: false,
      reason: `the grains have ${limit + 1} bytes, more than a minion's may have (${limit}): make them fewer`,
    })
    expect(await bucket.get('web1')).toBeNull()
    expect(await tell('web1', sized(limit))).toEqual({ ok: true })
  })

  it.each([
    ['stored', '{}'],
    ['refused', '[]'],
  ])('that are %s while the connection closes are told to the log', async (_what, body) => {
    const { nc, ns, subjects } = await openCore(server)
    const { log, lines } = keptLog()
    const mute = Object.assign(Object.create(nc), {
      subscribe: (subject: string, options: SubscriptionOptions) =>
        nc.subscribe(subject, {
          ...options,
          callback: (error, message) => options.callback!(error, Object.assign(Object.create(message), { respond })),
        }),
    }) as NatsConnection
    const respond = () => {
      throw new Error('draining')
    }
    const service = serveGrains(mute, subjects, await openMinionBucket(nc, ns, 1), log)
    nc.publish(subjects.ofMinion('grains', 'web1'), body, { reply: 'nowhere' })
    await lines.find(({ error }) => error === 'draining', 'the word of it')
    await service.stop()
  })
})
