import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { command, startReactor } from './reactor.ts'

type Ready = { metrics?: Record<string, string> }

describe('reactor up --metrics-port', () => {
  it('serves the metrics of every process, each held by its permissions, and names them', async () => {
    const reactor = await startReactor({ args: ['--id', 'web1', '--metrics-port', '0'] })
    onTestFinished(() => reactor.clean())
    const { metrics = {} } = reactor.ready as Ready
    expect(Object.keys(metrics).toSorted()).toEqual(['cache', 'jobs', 'master', 'minion', 'react', 'schedule'])
    await reactor.run('call', '*', 'test.ping')
    for (const [name, url] of Object.entries(metrics)) {
      expect(new URL(url).hostname).toBe('127.0.0.1')
      expect((await fetch(`${url}/readyz`)).status, name).toBe(200)
      const text = await (await fetch(`${url}/metrics`)).text()
      // What a service may not ask the server for would be missing, and counted here.
      expect(text, name).toMatch(/^reactor_metrics_failures_total 0$/m)
      expect(text, name).toMatch(/^reactor_ready 1$/m)
    }
    const ofCache = await (await fetch(`${metrics.cache}/metrics`)).text()
    for (const stream of ['EVENTS', 'REACTIONS', 'JOBS', 'DONE', 'PARKED', 'QUEUES'])
      expect(ofCache).toMatch(new RegExp(`^reactor_stream_bytes\\{stream="${stream}"\\} \\d+$`, 'm'))
    expect(await (await fetch(`${metrics.master}/metrics`)).text()).toMatch(
      /^reactor_logins_total\{who="minion",result="accepted"\} [1-9]/m,
    )
  })

  it('shows that a small event store takes more than its bound while what is in it is read', async () => {
    const reactor = await startReactor({
      args: ['--id', 'web1', '--metrics-port', '0'],
      config: { streams: { events_max_bytes: 100_000 } },
    })
    onTestFinished(() => reactor.clean())
    const { cache } = (reactor.ready as Ready).metrics!
    const body = JSON.stringify({ text: 'x'.repeat(16_000) })
    for (let i = 0; i < 8; i++) expect((await reactor.run('send', 'a/large/one', body)).code).toBe(0)
    const text = await (await fetch(`${cache}/metrics`)).text()
    const numberOf = (sample: string) =>
      Number(
        text
          .split('\n')
          .find(line => line.startsWith(sample))
          ?.split(' ')[1],
      )
    expect(numberOf('reactor_events_trimmed_total')).toBeGreaterThan(0)
    expect(numberOf('reactor_stream_max_bytes{stream="EVENTS"}')).toBe(100_000)
    expect(numberOf('reactor_stream_bytes{stream="EVENTS"}')).toBeLessThan(100_000)
  })

  it('refuses a port that is none, and one that leaves none for the others', async () => {
    const up = async (port: string) =>
      command(['up', '--port', '0', '--data', await testFolder(), '--metrics-port', port])
    expect(await up('70000')).toMatchObject({ code: 64, stderr: expect.stringContaining("'70000' is no port") })
    expect(await up('65535')).toMatchObject({ code: 78, stderr: expect.stringContaining('65529 is the highest') })
  })

  it('says which port of a process is taken', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const alone = await command(['worker', 'cache', '--isolation', 'none', '--metrics-port', String(port)])
    expect(alone).toMatchObject({ code: 69, stderr: expect.stringContaining(`port ${port} of 127.0.0.1 is taken`) })
  })
})
