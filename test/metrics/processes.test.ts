import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { Running } from '../../src/base/service.ts'
import { createFire } from '../../src/bus/fire.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { parseConfig } from '../../src/config/load.ts'
import { METRICS, type MetricDoc, type MetricName, metricsOf, type ProcessName } from '../../src/metrics/catalogue.ts'
import type { Monitored } from '../../src/metrics/metrics.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startGateway } from '../../src/processes/gateway.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { startReact } from '../../src/processes/react.ts'
import { startScheduleWorker } from '../../src/processes/schedule.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

const config = (settings: Record<string, unknown>) => parseConfig({ isolation: 'none', ...settings }, 'the test')

const STARTS = {
  master: startMaster,
  cache: startCache,
  jobs: startJobs,
  reactor: startReact,
  schedule: startScheduleWorker,
  minion: startMinion,
  gateway: startGateway,
} as const
type Started = keyof typeof STARTS

const RULE = `rule: seen\non: my/tag\ndo:\n  - runner.event.send: { tag: my/answer, data: { n: 1 } }\n`
const OFF = `rule: not-now\non: my/tag\nmode: "off"\ndo:\n  - runner.event.send: { tag: my/other, data: { n: 1 } }\n`

/** Samples by name and labels, as text. */
async function scrape(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const samples = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

/** The scrape in which a sample is what is awaited, looked for until the test's time is over. */
const scrapeUntil = (url: string, sample: string, fits: (value: number) => boolean) =>
  within(
    (async () => {
      for (;;) {
        const samples = await scrape(url)
        if (fits(samples.get(sample) ?? Number.NaN)) return samples
      }
    })(),
    sample,
  )

describe('the metrics of the processes', () => {
  let server: TestServer
  let dir: string
  const running: Running[] = []
  const urls = {} as Record<Started, string>
  beforeAll(async () => {
    server = await startTestServer()
    dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
    await mkdir(join(dir, 'rules'))
    await writeFile(join(dir, 'rules', 'seen.yaml'), RULE)
    await writeFile(join(dir, 'rules', 'off.yaml'), OFF)
    const settings = config({
      servers: [server.url],
      metrics: { port: 0 },
      react: { rules: join(dir, 'rules') },
      cache: { dir: join(dir, 'cache') },
      queue: { dir: join(dir, 'queue'), drain: { mails: { rate: '1/s' } } },
      minion: { id: 'web1', dir: join(dir, 'minion'), beat: '200ms' },
      gateway: { port: 0, hooks: { '/hook/x': { auth: 'none' } } },
      schedule: { tick: { function: 'runner.event.send', kwargs: { tag: 'a/tick' }, seconds: 1 } },
    })
    for (const [name, start] of Object.entries(STARTS) as [Started, (typeof STARTS)[Started]][]) {
      const process: Monitored = await start(settings, silentLog)
      running.push(process)
      urls[name] = process.metricsUrl!
    }
  })
  afterAll(async () => {
    for (const one of running.toReversed()) await one.stop()
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  })

  it.each(Object.keys(STARTS) as Started[])(
    'of %s are those of the catalogue, with its types and labels',
    async name => {
      const response = await fetch(`${urls[name]}/metrics`)
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ])
      const text = await response.text()
      const typed = [...text.matchAll(/^# TYPE (reactor_\S+) (\S+)$/gm)].map(match => [match[1], match[2]])
      const wanted = metricsOf(name as ProcessName)
      expect(typed.toSorted()).toEqual(wanted.map(metric => [metric, METRICS[metric].type]).toSorted())
      for (const [, sample, labels] of text.matchAll(/^(reactor_[a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
        const metric = (sample! in METRICS ? sample : sample!.replace(/_(bucket|sum|count)$/, '')) as MetricName
        const doc: MetricDoc = METRICS[metric]
        const known = [...(doc.labels ?? []), ...(sample === `${metric}_bucket` ? ['le'] : [])]
        expect(
          [...(labels ?? '').matchAll(/(\w+)="/g)].map(match => match[1]),
          sample,
        ).toEqual(known)
      }
      expect(text).toMatch(/^nodejs_heap_size_used_bytes \d/m)
    },
  )

  it('tell of an event, its reactions and their end', async () => {
    const nc = await connect({ servers: server.url })
    const publisher = createPublisher(nc)
    onTestFinished(async () => {
      publisher.stop()
      await nc.close()
    })
    const before = await scrape(urls.reactor)
    expect(before.get('reactor_rules{mode="on"}')).toBe(1)
    expect(before.get('reactor_rules{mode="off"}')).toBe(1)
    const fire = createFire(publisher, createSubjects('reactor'), serviceOrigin('_jobs'))
    await fire('my/tag', {})
    const ofReactor = await scrapeUntil(
      urls.reactor,
      'reactor_reactions_stored_total{rule="seen"}',
      count => count === 1,
    )
    expect(ofReactor.get('reactor_events_wanted_total')).toBeGreaterThanOrEqual(1)
    await scrapeUntil(urls.reactor, 'reactor_suppressed_total{rule="not-now",reason="off"}', count => count === 1)
    const ofJobs = await scrapeUntil(
      urls.jobs,
      'reactor_decisions_total{rule="seen",state="done"}',
      count => count === 1,
    )
    expect(ofJobs.get('reactor_decision_seconds_count')).toBeGreaterThanOrEqual(1)
    expect(ofJobs.get('reactor_functions_total{kind="runner",result="success"}')).toBeGreaterThanOrEqual(1)
    await scrapeUntil(urls.cache, 'reactor_decisions_folded_total', count => count >= 2)
    await scrapeUntil(
      urls.reactor,
      'reactor_consumer_pending_messages{stream="EVENTS",consumer="reactor"}',
      n => n === 0,
    )
  })

  it('tell of minions, stores and due slots', async () => {
    await scrapeUntil(urls.master, 'reactor_minions_connected', count => count === 1)
    const ofCache = await scrape(urls.cache)
    expect(ofCache.get('reactor_stream_messages{stream="EVENTS"}')).toBeGreaterThan(0)
    expect(ofCache.get('reactor_stream_max_bytes{stream="EVENTS"}')).toBe(1024 ** 3)
    expect(ofCache.get('reactor_stream_max_bytes{stream="DONE"}')).toBe(2 * 1024 ** 3)
    expect(ofCache.get('reactor_store_bytes{store="jobs"}')).toBeGreaterThan(0)
    await scrapeUntil(urls.schedule, 'reactor_schedule_slots_total{entry="tick",result="run"}', n => n >= 1)
    const nc = await connect({ servers: server.url })
    onTestFinished(() => nc.close())
    await nc.request('reactor.publish', JSON.stringify({ fun: 'test.ping', tgt: '*', arg: [] }), { timeout: 30_000 })
    await scrapeUntil(urls.minion, 'reactor_minion_jobs_total{result="returned"}', count => count === 1)
    expect((await scrape(urls.jobs)).get('reactor_jobs_published_total{result="accepted"}')).toBe(1)
    await scrapeUntil(urls.cache, 'reactor_facts_committed_total', count => count >= 2)
  })
})

describe('the readiness of a process', () => {
  const ask = async (url: string, path: string) => {
    const response = await fetch(url + path)
    return [response.status, (await response.text()).trimEnd()]
  }
  const until = (url: string, status: number) =>
    within(
      (async () => {
        for (;;) {
          const answer = await ask(url, '/readyz').catch(() => [0, ''])
          if (answer[0] === status) return answer[1]
        }
      })(),
      `status ${status}`,
    )

  it('is there once it has started and for as long as it has its server; it lives all the time', async () => {
    const server: RestartableServer = await startRestartableServer()
    onTestFinished(() => server.remove())
    await server.end()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const settings = config({ servers: [server.url], metrics: { port } })
    const starting = startScheduleWorker(settings, silentLog)
    expect(await until(url, 503)).toMatch(/^not ready: it is starting/)
    expect(await ask(url, '/healthz')).toEqual([200, 'ok'])
    await server.start()
    const process = await within(starting, 'the start')
    expect(process.metricsUrl).toBe(url)
    expect(await until(url, 200)).toBe('ready')
    await server.end('SIGKILL')
    expect(await until(url, 503)).toMatch(/^not ready: its NATS server .* is away$/)
    expect((await scrape(url)).get('reactor_nats_connected')).toBe(0)
    expect(await ask(url, '/healthz')).toEqual([200, 'ok'])
    await server.start()
    await until(url, 200)
    const samples = await scrape(url)
    expect([samples.get('reactor_nats_connected'), samples.get('reactor_nats_reconnects_total')]).toEqual([1, 1])
    await process.stop()
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })

  it('is not asked about where no port is set', async () => {
    const server = await startTestServer()
    const process = await startScheduleWorker(config({ servers: [server.url] }), silentLog)
    expect(process.metricsUrl).toBeUndefined()
    await process.stop()
    await server.stop()
  })

  it('cannot be served on a port that is taken: the process does not start', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    // Nobody listens there: the server is not asked first.
    const settings = config({ servers: ['nats://127.0.0.1:9'], metrics: { port } })
    for (const start of [startScheduleWorker, startMinion])
      await expect(within(start(settings, silentLog), 'the failure')).rejects.toMatchObject({ code: 'port_in_use' })
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
