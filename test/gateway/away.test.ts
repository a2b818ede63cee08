import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { streamNames } from '../../src/protocol/streams.ts'
import { startTestServer } from '../helpers/server.ts'
import { openGateway } from './gate.ts'

describe('a webhook that cannot be stored', () => {
  it('is answered with 503 and when to come again, and says so once in the log', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const gate = await openGateway(server, { store_timeout: '300ms', hooks: { '/hook/x': { auth: 'none' } } })
    const jsm = await jetstreamManager(gate.nc, { checkAPI: false })
    const name = streamNames(gate.ns).events
    await jsm.streams.update(name, { max_bytes: 1 })
    for (let i = 0; i < 2; i++) {
      const full = await gate.post('/hook/x', 'body')
      expect([full.status, full.headers.get('retry-after')]).toEqual([503, '5'])
      expect(full.json.error).not.toContain(name)
    }
    expect(gate.lines.items.filter(({ msg }) => msg.includes('503'))).toHaveLength(1)
    await jsm.streams.update(name, { max_bytes: -1 })
    expect(await gate.post('/hook/x', 'body')).toMatchObject({ status: 202 })
    expect(await gate.stored()).toHaveLength(1)
    await server.stop()
    expect((await gate.post('/hook/x', 'body')).status).toBe(503)
    await gate.lines.find(({ msg }) => msg.includes('503'), 'the warning')
    expect((await gate.post('/healthz', '', {}, 'GET')).status).toBe(503)
  })

  it('is foretold by /healthz also where its server stands still', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const gate = await openGateway(server, { hooks: {} })
    const health = async () => (await gate.post('/healthz', '', {}, 'GET')).status
    expect(await health()).toBe(200)
    process.kill(server.pid, 'SIGSTOP')
    // A stop reaches one thread of the server after the other.
    await expect.poll(health).toBe(503)
    process.kill(server.pid, 'SIGCONT')
    await expect.poll(health).toBe(200)
  })
})
