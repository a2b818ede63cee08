import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openCore } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { bundleOf, follow, startReactor } from './reactors.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** Between a reactor and the server: what the server sends with one of these texts is lost with its connection, once each. */
async function startCutter(texts: string[]) {
  const left = new Set(texts)
  const { hostname, port } = new URL(server.url.replace(/^nats:/, 'http:'))
  const sockets = new Set<net.Socket>()
  const proxy = net.createServer(client => {
    const upstream = net.connect(Number(port), hostname)
    sockets.add(client).add(upstream)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
    client.pipe(upstream)
    upstream.on('data', chunk => {
      const found = [...left].find(text => chunk.includes(text))
      if (found === undefined) return client.write(chunk)
      left.delete(found)
      return end()
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  return { url: `nats://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`, left }
}

const EACH = `
rule: each
on: n/*
throttle: { once_within: 1h, by: "{{ tag }}" }
do:
  - runner.test.arg: ["{{ tag }}"]
`

describe('a connection that is cut while events are on their way', () => {
  it('loses none of them, though more come behind them', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const all = Array.from({ length: 3000 }, (_, n) => `n/e${n}`)
    await Promise.all(all.map(tag => core.fire(tag, {})))
    const cutter = await startCutter(['.n.e300 ', '.n.e1300 ', '.n.e2300 '])
    const reactor = await startReactor(core, cutter.url)
    reactor.windows.use(bundleOf('b1', EACH))
    const keys = await seen.keys.reach(all.length)
    expect(new Set(keys).size).toBe(all.length)
    expect(cutter.left.size).toBe(0)
    expect(reactor.lines.items.filter(({ reason }) => reason === 'events were lost on their way')).not.toEqual([])
  })

  it('loses none of them, though nothing comes behind them', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const cutter = await startCutter(['.n.last '])
    const reactor = await startReactor(core, cutter.url)
    reactor.windows.use(bundleOf('b1', EACH))
    await core.fire('n/first', {})
    await seen.keys.reach(1)
    await core.fire('n/last', {})
    await seen.keys.reach(2)
    expect(seen.reactions.items.map(({ args }) => args[0])).toEqual(['n/first', 'n/last'])
    expect(cutter.left.size).toBe(0)
  })
})
