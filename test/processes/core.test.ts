import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, headers as createHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { parseConfig } from '../../src/config/load.ts'
import { type Core, startCore } from '../../src/processes/core.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

/** Nobody listens there: a process that asked the server first would wait for it. */
const NOWHERE = 'nats://127.0.0.1:9'
const config = (settings: Record<string, unknown>) => parseConfig({ isolation: 'none', ...settings }, 'the test')

describe('a service that fails while it starts', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.stop())

  it('leaves nothing running, and its connection closed', async () => {
    const stopped: string[] = []
    let nc: Core['nc'] | undefined
    const start = startCore(config({ servers: [server.url] }), '_master', silentLog, async core => {
      nc = core.nc
      core.stack.defer(() => stopped.push(core.nc.isClosed() ? 'after' : 'before'))
      throw new ReactorError('bad_config', 'no such thing')
    })
    await expect(within(start, 'the failure')).rejects.toMatchObject({ code: 'bad_config', message: 'no such thing' })
    expect(nc?.isClosed()).toBe(true)
    expect(stopped).toEqual(['before'])
  })

  it('runs until it is stopped where it does not fail', async () => {
    let nc: Core['nc'] | undefined
    const running = await startCore(config({ servers: [server.url] }), '_master', silentLog, async core => {
      nc = core.nc
    })
    expect(nc?.isClosed()).toBe(false)
    await running.stop()
    expect(nc?.isClosed()).toBe(true)
  })
})

describe('streams that have other settings than the config', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.stop())

  it('are left to the master by the others, who say so', async () => {
    const maxBytes = 5_000_000
    const settings = (more = {}) => config({ servers: [server.url], namespace: 'limits', streams: more })
    const none = async () => undefined
    const first = await startCore(settings(), '_cache', silentLog, none)
    await first.stop()
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    const bytes = async () => (await jsm.streams.info('limits_EVENTS')).config.max_bytes
    const { log, lines } = keptLog()
    const other = await startCore(settings({ events_max_bytes: maxBytes }), '_jobs', log, none)
    await other.stop()
    expect(lines.items).toContainEqual(expect.objectContaining({ stream: 'limits_EVENTS' }))
    expect(await bytes()).not.toBe(maxBytes)
    const master = await startCore(settings({ events_max_bytes: maxBytes }), '_master', silentLog, none)
    await master.stop()
    expect(await bytes()).toBe(maxBytes)
    await nc.close()
  })
})

describe('the mark of work that must not be done twice', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.stop())

  it.each([
    ['wheel', startMaster],
    ['runner', startJobs],
  ])('outlives the events that can ask for it again: %s', async (kind, start) => {
    const dir = await testFolder()
    await mkdir(join(dir, `${kind}s`))
    const source = `import { ${kind} } from 'reactor'\nexport const once = ${kind}({ doc: 'x', run: () => 1 })`
    await writeFile(join(dir, `${kind}s`, 'own.mjs'), source)
    const settings = { servers: [server.url], namespace: kind, module_dirs: [dir], streams: { events_max_age: '2d' } }
    const running = await start(config(settings), silentLog)
    const nc = await connect({ servers: server.url })
    try {
      const headers = createHeaders()
      headers.set('Reactor-Work', 'event/rule/0')
      headers.set('Reactor-Time', String(Date.now()))
      const reply = await nc.request(`${kind}.${kind}.own.once`, '', { timeout: 30_000, headers })
      const { outcome } = reply.json<{ outcome: unknown }>()
      expect(outcome).toEqual({ ok: true, value: 1 })
      const jsm = await jetstreamManager(nc)
      const subject = createSubjects(kind).startMark('event/rule/0')
      const mark = await jsm.streams.getMessage(`${kind}_JOBS`, { last_by_subj: subject })
      expect(mark?.header.get('Nats-TTL')).toBe(String(3 * 86_400))
    } finally {
      await nc.close()
      await running.stop()
    }
  })
})

describe('what can be wrong without a server is said before one is asked', () => {
  it.each([
    ['master', startMaster],
    ['jobs', startJobs],
    ['minion', startMinion],
  ])('a profile without what it needs: %s', async (_name, start) => {
    const wrong = config({ servers: [NOWHERE], profiles: { smtp: { ops: { username: 'u' } } } })
    await expect(within(start(wrong, silentLog), 'the refusal')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("smtp profile 'ops'"),
    })
  })

  it.each([
    ['a service', startMaster],
    ['a minion', startMinion],
  ])('isolation none and a server elsewhere: %s', async (_name, start) => {
    const wrong = config({ servers: ['nats://127.0.0.1:4222', 'nats://10.1.2.3:4222'] })
    await expect(within(start(wrong, silentLog), 'the refusal')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('10.1.2.3 is not on loopback'),
    })
  })
})
