// What the measures are for: each of these attacks works on a server that lacks the one it names. Where one of them stops
// working, its measure has become needless.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

// One account for all, in which m1 has the permissions of a minion and no more.
const ONE_ACCOUNT = `
authorization { users: [
  { user: core, password: core }
  { user: m1, password: m1, permissions: { publish: ["reactor.event.m1.>", "reactor.grains.m1"], subscribe: ["_INBOX_m1.>"] } }
  { user: wide, password: wide, permissions: { publish: ["reactor.event.*.>"], subscribe: ["_INBOX_wide.>"] } }
] }
`

let server: TestServer
const open: NatsConnection[] = []
const as = async (user: string): Promise<NatsConnection> => {
  const nc = await connect({ servers: server.url, user, pass: user, inboxPrefix: `_INBOX_${user}` })
  open.push(nc)
  return nc
}
const textsOn = async (nc: NatsConnection, subject: string): Promise<string[]> => {
  const jsm = await jetstreamManager(nc)
  const { state } = await jsm.streams.info('reactor_EVENTS', { subjects_filter: subject })
  const last = Object.keys(state.subjects ?? {}).map(one =>
    jsm.streams.getMessage('reactor_EVENTS', { last_by_subj: one }),
  )
  return (await Promise.all(last)).map(message => message?.string() ?? '')
}

beforeAll(async () => {
  server = await startTestServer({ config: ONE_ACCOUNT })
  await provisionStreams(await as('core'), 'reactor', DEFAULT_LIMITS)
})
afterAll(async () => {
  await Promise.all(open.map(nc => nc.close()))
  await server?.stop()
})

describe('without accounts of their own', () => {
  it('a minion has the ack of its event stored as an event of the master', async () => {
    const [core, m1] = [await as('core'), await as('m1')]
    m1.publish('reactor.event.m1.x', '{}', { reply: 'reactor.event._master.salt.key' })
    await m1.request('reactor.event.m1.x', '{}')
    await core.request('reactor.event._jobs.y', '{}')
    expect(await textsOn(core, 'reactor.event._master.>')).toEqual([
      expect.stringContaining('"stream":"reactor_EVENTS"'),
    ])
  })

  it('a minion has an answer sent to another as a job', async () => {
    const [core, m1] = [await as('core'), await as('m1')]
    const jobs = createSeen<string>()
    core.subscribe('reactor.job.m2', { callback: (_, message) => jobs.push(message.string()) })
    // A service that repeats what it was sent lets the caller choose the job.
    core.subscribe('reactor.grains.m1', { callback: (_, message) => void message.respond(message.data) })
    await core.flush()
    m1.publish('reactor.grains.m1', '{"fun": "cmd.run"}', { reply: 'reactor.job.m2' })
    expect(await jobs.reach(1)).toEqual(['{"fun": "cmd.run"}'])
  })
})

describe('without ids that cannot be guessed', () => {
  it('a minion suppresses the event of another by using its id first', async () => {
    const [core, m1] = [await as('core'), await as('m1')]
    const headers = createHeaders()
    headers.set('Nats-Msg-Id', 'guessed')
    await m1.request('reactor.event.m1.first', '{}', { headers, timeout: 30_000 })
    const ack = await core.request('reactor.event.m2.salt.minion.m2.start', '{}', { headers, timeout: 30_000 })
    expect(ack.json()).toMatchObject({ duplicate: true })
    expect(await textsOn(core, 'reactor.event.m2.>')).toEqual([])
  })
})

describe('without escaping of ids', () => {
  it('a minion called * speaks as everybody', async () => {
    const [core, wide] = [await as('core'), await as('wide')]
    await wide.request('reactor.event._master.salt.forged', '{"forged": true}')
    expect(await textsOn(core, 'reactor.event._master.salt.forged')).toEqual(['{"forged": true}'])
  })
})
