import { once } from 'node:events'
import { createServer } from 'node:net'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { isRefused, type ReturnerStore } from '../../src/functions/define-returner.ts'
import { formatStamp } from '../../src/protocol/event.ts'
import { createStores } from '../../src/returner/open.ts'
import redis from '../../src/returners/redis.ts'
import { eventOf, jidAt, loadOf, returnerContract, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { describeWith } from '../helpers/database.ts'
import { hasRedis, startRedis, type TestRedis } from '../helpers/redis.ts'
import { within } from '../helpers/wait.ts'

const openWith = async (settings: Record<string, unknown>): Promise<Required<ReturnerStore>> => {
  const stores = createStores({
    returners: { names: () => ['redis'], load: async () => redis },
    settings,
    log: keptLog().log,
    id: 'test',
    profiles: { smtp: {}, http: {} },
  })
  onTestFinished(() => stores.close())
  return (await stores.open('redis')) as Required<ReturnerStore>
}

const pidOf = async ({ socket }: TestRedis): Promise<number> => {
  const client = createClient({ socket: { path: socket, tls: false } })
  await client.connect()
  const said = await client.info('server')
  client.destroy()
  return Number(/process_id:(\d+)/.exec(said)![1])
}

describeWith(hasRedis, 'Redis in the contract', () => {
  returnerContract('redis', redis, async () => {
    const server = await startRedis()
    return { settings: server.settings, interrupt: () => server.restart(), remove: () => server.stop() }
  })
})

describeWith(hasRedis, 'a store in Redis', () => {
  let server: TestRedis
  let client: ReturnType<typeof createClient>
  beforeAll(async () => {
    server = await startRedis()
    client = createClient({ socket: { path: server.socket, tls: false } })
    await client.connect()
  })
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
  })

  it("keeps a job under Salt's keys, as long as it was told to", async () => {
    const store = await openWith({ ...server.settings, 'redis.ttl': '1h' })
    const jid = jidAt(Date.now())
    await store.save_load([loadOf(jid)])
    await store.returner([returnOf(jid, 'web1')])
    await store.update_endtime([{ jid, endtime: '2026-11-20T10:00:00.000000' }])
    await store.event_return([eventOf(`event of ${jid}`)])
    expect(JSON.parse((await client.get(`load:${jid}`))!)).toEqual(loadOf(jid))
    expect(JSON.parse((await client.hGet(`ret:${jid}`, 'web1'))!)).toEqual(returnOf(jid, 'web1'))
    expect(await client.get('web1:test.ping')).toBe(jid)
    expect(await client.sIsMember('minions', 'web1')).toBe(1)
    expect(JSON.parse((await client.get(`event:event of ${jid}`))!)).toEqual(eventOf(`event of ${jid}`))
    for (const key of [`load:${jid}`, `ret:${jid}`, `end:${jid}`, 'web1:test.ping', `event:event of ${jid}`]) {
      const left = await client.pTTL(key)
      expect([key, left > 3_500_000 && left <= 3_600_000]).toEqual([key, true])
    }
  })

  it('keeps it for good where it was told 0', async () => {
    const store = await openWith({ ...server.settings, 'redis.ttl': 0 })
    const jid = jidAt(Date.now())
    await store.save_load([loadOf(jid)])
    await store.returner([returnOf(jid, 'web1')])
    await store.update_endtime([{ jid, endtime: 'x' }])
    expect(await Promise.all([`load:${jid}`, `ret:${jid}`, `end:${jid}`].map(key => client.pTTL(key)))).toEqual([
      -1, -1, -1,
    ])
  })

  it('forgets what has expired, in its lists too', async () => {
    const jid = jidAt(0)
    await client.zAdd('jids', { score: 0, value: jid })
    await client.zAdd('events', { score: 0, value: 'gone' })
    const store = await openWith(server.settings)
    await store.returner([returnOf(jidAt(Date.now()), 'web1')])
    expect([await client.zScore('jids', jid), await client.zScore('events', 'gone')]).toEqual([null, null])
  })

  it('forgets all that has expired, also where much that is as old is kept', async () => {
    await client.select(3)
    onTestFinished(async () => void (await client.select(0)))
    const jids = Array.from({ length: 6000 }, (_, n) => `20200101${String(n).padStart(12, '0')}`)
    await client.zAdd(
      'jids',
      jids.map(value => ({ score: 0, value })),
    )
    await client.zAdd(
      'events',
      jids.map((value, n) => ({ score: n, value })),
    )
    const kept = jids.filter((_, n) => n < 600 || n === 5900)
    await client.mSet(
      kept.flatMap(
        jid =>
          [
            [`load:${jid}`, '{}'],
            [`event:${jid}`, '{}'],
          ] as [string, string][],
      ),
    )
    const store = await openWith({ ...server.settings, 'redis.db': 3 })
    const [jid, event] = [jidAt(Date.now()), eventOf('new', { _stamp: formatStamp(Date.now()) })]
    // Each write does a part of it.
    for (let writes = 0; writes < 2; writes++) {
      await store.save_load([loadOf(jid)])
      await store.event_return([event])
    }
    expect(await client.zRange('jids', 0, -1)).toEqual([...kept, jid])
    expect(await client.zRange('events', 0, -1)).toEqual([...kept, 'new'])
  })

  it('does not take the name of a minion or a function for the key of something else', async () => {
    const store = await openWith(server.settings)
    const [jid, other] = [jidAt(Date.now()), jidAt(Date.now())]
    await store.save_load([loadOf(jid)])
    await store.returner([
      returnOf(other, 'load', { fun: jid }),
      returnOf(other, 'end', { fun: jid }),
      returnOf(other, 'ret', { fun: jid }),
      returnOf(other, 'a:b', { fun: 'c' }),
      returnOf(other, 'a', { fun: 'b:c' }),
    ])
    expect(await store.get_load(jid)).toEqual(loadOf(jid))
    expect(await store.get_jid(jid)).toEqual({})
    expect(Object.keys(await store.get_fun(jid)).sort()).toEqual(['end', 'load', 'ret'])
    expect(Object.keys(await store.get_fun('c'))).toEqual(['a:b'])
    expect(Object.keys(await store.get_fun('b:c'))).toEqual(['a'])
  })

  it('lists the newest ten thousand of more jobs', async () => {
    const store = await openWith({ ...server.settings, 'redis.db': '1' })
    const jids = Array.from({ length: 10_001 }, (_, n) => jidAt(Date.now() + n))
    await store.save_load(jids.map(jid => loadOf(jid)))
    const all = await store.get_jids()
    expect(Object.keys(all)).toHaveLength(10_000)
    expect(all).not.toHaveProperty(jids[0]!)
    expect(await store.get_jids_filter({ count: 20_000 })).toHaveLength(10_001)
  })

  it('takes old events away with the jobs', async () => {
    const store = await openWith({ ...server.settings, 'redis.db': 2 })
    await store.event_return([
      eventOf('old', { _stamp: '2020-01-01T00:00:00.000000' }),
      eventOf('young', { _stamp: '2026-01-01T00:00:00.000000' }),
    ])
    expect(await store.clean_old_jobs(Date.parse('2021-01-01T00:00:00Z'))).toBe(0)
    await client.select(2)
    expect([await client.exists('event:old'), await client.exists('event:young')]).toEqual([0, 1])
    expect(await client.zRange('events', 0, -1)).toEqual(['young'])
    await client.select(0)
  })

  it('speaks to a socket, and gives a password', async () => {
    const locked = await startRedis('--requirepass', 'secret word')
    onTestFinished(() => locked.stop())
    const { 'redis.port': port } = locked.settings
    const store = await openWith({ 'redis.unix_socket_path': locked.socket, 'redis.password': 'secret word' })
    const jid = jidAt(Date.now())
    await store.save_load([loadOf(jid)])
    expect(await store.get_load(jid)).toEqual(loadOf(jid))
    const wrong = await openWith({ ...locked.settings, 'redis.password': 'another' })
    await expect(wrong.get_load(jid)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(new RegExp(`^the Redis server at 127.0.0.1:${port} .*WRONGPASS`)),
    })
  })

  it.each([
    [{ 'redis.cluster_mode': true }, "unknown setting 'redis.cluster_mode'"],
    [{ 'redis.port': '6379x' }, "'redis.port': "],
    [{ 'redis.db': -1 }, "'redis.db': "],
    [{ 'redis.timeout': 0 }, "'redis.timeout': expected more than nothing"],
  ])('refuses %j', async (settings, said) => {
    await expect(openWith(settings)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(said),
    })
  })

  it('refuses a record that is larger than a value may be, for good', async () => {
    const store = await openWith(server.settings)
    const large = returnOf(jidAt(Date.now()), 'web1', { return: Array(163).fill('日'.repeat(1024 * 1024)) })
    expect(await store.returner([large]).catch(isRefused)).toBe(true)
  })

  it('fails and does not refuse where the server is full or takes no writes, and goes on when it does again', async () => {
    const full = await startRedis('--maxmemory', '1', '--maxmemory-policy', 'noeviction')
    onTestFinished(() => full.stop())
    const admin = createClient({ socket: { path: full.socket, tls: false } })
    await admin.connect()
    onTestFinished(() => admin.destroy())
    const store = await openWith(full.settings)
    const jid = jidAt(Date.now())
    const attempt = () => store.returner([returnOf(jid, 'web1')])
    await expect(attempt()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('OOM') })
    expect(await store.get_jid(jid)).toEqual({})
    await admin.configSet('maxmemory', '0')
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
    await expect(attempt()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('READONLY') })
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await attempt()
    expect(Object.keys(await store.get_jid(jid))).toEqual(['web1'])
  })
})

describeWith(hasRedis, 'a Redis that is down', () => {
  it('has every call fail at once, and take up again when it is back', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const store = await openWith(server.settings)
    const jid = jidAt(Date.now())
    await store.returner([returnOf(jid, 'before')])
    await server.kill()
    const calls = Array.from({ length: 100 }, (_, n) => store.returner([returnOf(jid, `m${n}`)]))
    const failed = await within(Promise.allSettled(calls), 'the failing of calls')
    expect(new Set(failed.map(({ status }) => status))).toEqual(new Set(['rejected']))
    await server.restart()
    await store.returner([returnOf(jid, 'after')])
    // None of those that failed was kept for later.
    expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['after', 'before'])
  })

  it('has no call wait longer than it may for one that hangs, and then connects anew', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const store = await openWith({ ...server.settings, 'redis.timeout': '3s' })
    const jid = jidAt(Date.now())
    await store.returner([returnOf(jid, 'before')])
    const pid = await pidOf(server)
    process.kill(pid, 'SIGSTOP')
    for (const fun of ['one that was connected', 'one that was not'])
      await expect(store.get_fun(fun)).rejects.toMatchObject({ code: 'timeout' })
    process.kill(pid, 'SIGCONT')
    expect(Object.keys(await store.get_jid(jid))).toEqual(['before'])
  })

  it('leaves no connection behind where a server never said a word', async () => {
    const silent = createServer(socket => void socket.resume().on('error', () => undefined)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const store = await openWith({ 'redis.host': '127.0.0.1', 'redis.port': port, 'redis.timeout': '300ms' })
    await expect(store.get_minions()).rejects.toMatchObject({ code: 'timeout' })
    const closed = once(silent, 'close')
    silent.close()
    await within(closed, 'the end of the last connection')
  })

  it('takes nothing after it was closed', async () => {
    const store = await openWith({ 'redis.host': '127.0.0.1', 'redis.port': 1 })
    await store.close()
    await expect(store.get_minions()).rejects.toMatchObject({ code: 'stopped' })
  })
})
