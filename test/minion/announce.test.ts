import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { followLink } from '../../src/bus/link.ts'
import { announce } from '../../src/minion/announce.ts'
import { sessionIn } from '../../src/protocol/beat.ts'
import { problemOf } from '../../src/protocol/catalogue/define.ts'
import { minionStart } from '../../src/protocol/catalogue/minion.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { keptLog } from '../helpers/core.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** A minion that announces itself, and what answers its grains. */
async function start(servers = server.url, startGrains: string[] = [], { beatMs = 60_000, log = silentLog } = {}) {
  const subjects = createSubjects(`announce${namespaces++}`)
  const options = { servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 }
  const [minion, core] = [await connect(options), await connect(options)]
  const fired = createSeen<{ tag: string; keep: boolean | undefined }>()
  const told = createSeen<Record<string, unknown>>()
  const links = createSeen<boolean>()
  const sent: string[] = []
  const running = announce({
    nc: minion,
    subjects,
    id: 'web1',
    grains: {
      send: async () => void sent.push('grains'),
      current: () => ({ os: 'Debian', mem_total: 512, num_cpus: 2 }),
    },
    startGrains,
    spool: {
      fire: async (tag, data, { keep } = {}) => {
        sent.push('start')
        fired.push({ tag, keep })
        told.push(data)
      },
      settle: async () => undefined,
    },
    beatMs,
    log,
    onLink: links.push,
  })
  onTestFinished(async () => {
    await (await running).stop()
    await minion.close()
    await core.close()
  })
  await running
  return { subjects, minion, core, fired, told, sent, links, running: await running }
}

describe('a minion that starts', () => {
  it('says so once its grains are stored, with an event that must arrive', async () => {
    const { fired, sent } = await start()
    expect(sent).toEqual(['grains', 'start'])
    expect(fired.items).toEqual([{ tag: 'salt/minion/web1/start', keep: true }])
  })

  it('tells in it what the catalogue says, without grains', async () => {
    const { told } = await start()
    expect(told.items.map(data => problemOf(minionStart, data))).toEqual([undefined])
    expect(told.items[0]).not.toHaveProperty('grains')
  })

  it('tells the grains that are wanted, and leaves out those that it has not', async () => {
    const { told } = await start(server.url, ['os', 'num_cpus', 'no_such', 'toString'])
    expect(told.items.map(data => problemOf(minionStart, data))).toEqual([undefined])
    expect(told.items[0]?.grains).toEqual({ os: 'Debian', num_cpus: 2 })
  })

  it('names its process in its heartbeats, the next process another', async () => {
    const sessions: (string | undefined)[] = []
    for (let times = 0; times < 2; times++) {
      const { subjects, core, running } = await start()
      const heard = createSeen<string | undefined>()
      core.subscribe(subjects.anyMinion('beat'), {
        callback: (_error, message) => {
          heard.push(sessionIn(message.data))
          message.respond()
        },
      })
      sessions.push(await heard.find(() => true, 'the heartbeat'))
      await running.stop()
    }
    expect(sessions).toEqual([expect.any(String), expect.any(String)])
    expect(new Set(sessions).size).toBe(2)
  })

  it('is heard by a master that comes later, long before its next heartbeat', async () => {
    const { subjects, core } = await start()
    const heard = createSeen<string>()
    core.subscribe(subjects.anyMinion('beat'), {
      callback: (_error, message) => {
        heard.push(subjects.minionIn(message.subject))
        message.respond()
      },
    })
    expect(await heard.find(() => true, 'the heartbeat')).toBe('web1')
  })

  it('says once that no master hears it, however often its heartbeat is due', async () => {
    const { log, lines } = keptLog()
    await start(server.url, [], { beatMs: 20, log })
    const said = ({ level, msg }: Record<string, unknown>) => level === 30 && String(msg).startsWith('no master hears')
    await lines.find(said, 'that no master hears it')
    expect(lines.items.filter(({ msg }) => msg.startsWith('no master hears'))).toHaveLength(8)
  })

  it('says so again as its link comes back, until it is stopped', async () => {
    const own = await startRestartableServer()
    onTestFinished(() => own.remove())
    const { minion, fired, links, running } = await start(own.url)
    await own.end()
    await own.start()
    await fired.reach(2)
    expect(links.items).toEqual([false, true])
    await running.stop()
    const back = createSeen<boolean>()
    followLink(minion, { up: () => back.push(true) })
    await own.end()
    await own.start()
    await back.reach(1)
    expect(links.items).toEqual([false, true])
  })
})
