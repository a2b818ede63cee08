// Following events with the right to read some of them, or none: what NATS refuses is said, and what it lets through shown.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { startTail, type TailOptions } from '../../src/tail/run.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { startServices } from './bus.ts'

const CONFIG = `
accounts { A { jetstream: enabled, users: [
  { user: service, password: service }
  { user: shop, password: x, permissions: { subscribe: { allow: ["_INBOX.>", "reactor.live.*.shop", "reactor.live.*.shop.>", "reactor.live.*.a.*.z"] } } }
  { user: nobody, password: x, permissions: { subscribe: { allow: ["_INBOX.>"] } } }
  { user: events, password: x, permissions: { subscribe: { allow: ["_INBOX.>", "reactor.live.>"] } } }
] } }
no_auth_user: service
`

describe('a tail', () => {
  let server: TestServer
  let services: Awaited<ReturnType<typeof startServices>>
  beforeAll(async () => {
    server = await startTestServer({ config: CONFIG })
    services = await startServices(server.url)
  })
  afterAll(async () => {
    await services?.stop()
    await server?.stop()
  })

  async function tailAs(user: string, options: TailOptions) {
    const login = { user, password: 'x', patient: false, log: silentLog }
    const bus = await connectBus({ servers: server.url, namespace: 'reactor', name: 'test', ...login })
    const lines = createSeen<string>()
    const notices = createSeen<string>()
    const notice = (line: string) => notices.push(line)
    try {
      const tail = await startTail({ client: { bus }, options: { json: true, ...options }, write: lines.push, notice })
      return { lines, notices, done: tail.done, stop: () => tail.stop().then(() => bus.close()) }
    } catch (error) {
      await bus.close()
      throw error
    }
  }
  const numbers = (lines: readonly string[]) => lines.map(line => JSON.parse(line).data.n)

  it('shows what may be read, once, where its globs ask for no more', async () => {
    const tail = await tailAs('shop', { globs: ['shop/**', 'shop/order/*', 'a/*/z', '!shop/secret'] })
    await services.fire('shop/order/1', { n: 1 })
    await services.fire('other/thing', { n: 2 })
    await services.fire('shop/secret', { n: 3 })
    await services.fire('a/b/z', { n: 4 })
    await services.fire('shop', { n: 5 })
    await services.fire('shop/end', { n: 6 })
    await tail.lines.find(line => JSON.parse(line).data.n === 6, 'the last event')
    expect(numbers(tail.lines.items)).toEqual([1, 4, 5, 6])
    expect(tail.notices.items).toEqual([])
    await tail.stop()
  })

  it('begins in the past, and goes on live behind it', async () => {
    await services.fire('shop/past', { n: 1 })
    const tail = await tailAs('shop', { globs: ['shop/past'], sinceMs: 60_000 })
    await tail.lines.reach(1)
    await services.fire('other/thing', {})
    await services.fire('shop/past', { n: 2 })
    await tail.lines.reach(2)
    expect(numbers(tail.lines.items)).toEqual([1, 2])
    await tail.stop()
  })

  it.each<[string, string, TailOptions, RegExp]>([
    ['nobody', 'everything', {}, /do not let you read every event; name tags that you may read/],
    ['shop', 'everything', {}, /do not let you read every event; name tags that you may read/],
    ['shop', 'everything but', { globs: ['!a'] }, /do not let you read every event/],
    ['shop', 'parts of segments', { globs: ['shop-*'] }, /as globs of whole segments such as 'myapp\/\*\*'/],
    ['shop', 'more than that', { globs: ['shop/**', 'salt/**'] }, /do not let you read all events with these tags/],
    ['nobody', 'one tag', { globs: ['shop/end'] }, /\('@events' of a role names the tags that may be read\)/],
  ])('is refused: %s asks for %s', async (user, _what, options, message) => {
    await expect(within(tailAs(user, options), 'the refusal')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(message),
    })
  })

  it('goes on without reactions where those may not be read, and says so', async () => {
    const tail = await tailAs('events', { json: false })
    expect(tail.notices.items).toEqual(['reactions are not shown: your roles do not let you read every event'])
    await services.fire('shop/end', { n: 1 })
    await tail.lines.reach(1)
    await tail.stop()
  })

  it('ends where reactions are asked for that may not be read', async () => {
    const tail = await tailAs('events', { reactions: true })
    await expect(within(tail.done, 'the end')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('reactions cannot be followed'),
    })
    await tail.stop()
  })
})
