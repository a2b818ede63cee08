import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { followLink } from '../../src/bus/link.ts'
import { announce } from '../../src/minion/announce.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
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
async function start(servers = server.url) {
  const subjects = createSubjects(`announce${namespaces++}`)
  const options = { servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 }
  const [minion, core] = [await connect(options), await connect(options)]
  const fired = createSeen<{ tag: string; keep: boolean | undefined }>()
  const links = createSeen<boolean>()
  const sent: string[] = []
  const running = announce({
    nc: minion,
    subjects,
    id: 'web1',
    grains: { send: async () => void sent.push('grains') },
    spool: {
      fire: async (tag, _data, { keep } = {}) => {
        sent.push('start')
        fired.push({ tag, keep })
      },
      settle: async () => undefined,
    },
    beatMs: 60_000,
    log: silentLog,
    onLink: links.push,
  })
  onTestFinished(async () => {
    await (await running).stop()
    await minion.close()
    await core.close()
  })
  await running
  return { subjects, minion, core, fired, sent, links, running: await running }
}

describe('a minion that starts', () => {
  it('says so once its grains are stored, with an event that must arrive', async () => {
    const { fired, sent } = await start()
    expect(sent).toEqual(['grains', 'start'])
    expect(fired.items).toEqual([{ tag: 'salt/minion/web1/start', keep: true }])
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
