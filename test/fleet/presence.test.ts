// Presence in a master, on a real server: what it hears, and what a lost link does to it.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { startPresence } from '../../src/fleet/presence.ts'
import { sessionIn } from '../../src/protocol/beat.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { followEvents, keptLog } from '../helpers/core.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { untilTaken } from '../helpers/wait.ts'

const NS = 'presence'
const subjects = createSubjects(NS)

async function open() {
  const server = await startRestartableServer()
  onTestFinished(() => server.remove())
  const link = async (): Promise<NatsConnection> => {
    const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    onTestFinished(() => nc.close())
    return nc
  }
  const minion = await link()
  await provisionStreams(minion, NS, DEFAULT_LIMITS)
  const events = followEvents(minion, `${NS}.live.`)
  const master = async ({ tells = true, lostAfterMs = 1500 } = {}) => {
    const nc = await link()
    const publisher = createPublisher(nc)
    const fire = createFire(publisher, subjects, serviceOrigin('_master'))
    const { log, lines } = keptLog()
    const tell = tells ? { presentEveryMs: undefined } : undefined
    const presence = await startPresence({ nc, ns: NS, subjects, fire, replicas: 1, lostAfterMs, tell, log })
    const stop = async () => {
      await presence.stop()
      publisher.stop()
    }
    onTestFinished(stop)
    return { presence, lines, stop }
  }
  const beat = (id: string, body = 's1') => minion.request(subjects.ofMinion('beat', id), body, { timeout: 30_000 })
  return { server, events, master, beat, minion }
}

const told = (word: 'new' | 'lost', id: string) => (event: { tag: string; data: Record<string, unknown> }) =>
  event.tag === 'salt/presence/change' && (event.data[word] as string[]).includes(id)

it('a heartbeat is answered, and its minion is there, until it is silent for too long', async () => {
  const { master, beat, events } = await open()
  const { presence } = await master()
  await beat('web1')
  expect(presence.connected()).toEqual(['web1'])
  await events.find(told('new', 'web1'), 'web1 as new')
  await events.find(told('lost', 'web1'), 'web1 as lost')
  expect([presence.connected(), presence.losses()]).toEqual([[], 1])
})

it.each([
  ['no body', ''],
  ['JSON', '{"session":1}'],
  ['half a megabyte', 'x'.repeat(500_000)],
  ['a space', 'a b'],
  ['a control character', '\u0000'],
])('of a heartbeat with %s the minion is there all the same', async (_what, body) => {
  const { master, beat } = await open()
  const { presence } = await master()
  await beat('web1', body)
  expect(presence.connected()).toEqual(['web1'])
  expect(sessionIn(Buffer.from(body))).toBeUndefined()
})

it('a heartbeat on a subject that no id gives is passed over, and the next ones are heard', async () => {
  const { master, beat, minion } = await open()
  const { presence, lines } = await master()
  minion.publish(`${NS}.beat.=zz`)
  await beat('web1')
  expect(presence.connected()).toEqual(['web1'])
  expect(lines.items.filter(({ msg }) => msg === 'a heartbeat is passed over')).toMatchObject([
    { subject: `${NS}.beat.=zz` },
  ])
})

it('where nothing is to be told nothing is', async () => {
  const { master, beat, events } = await open()
  const { presence } = await master({ tells: false })
  await beat('web1')
  await untilTaken('the loss of web1', async () => expect(presence.losses()).toBe(1))
  expect(events.items).toEqual([])
})

it('who was told before a restart is there at once after it, and its loss is told by the next master', async () => {
  const { master, beat, events } = await open()
  const first = await master()
  await beat('web1')
  await events.find(told('new', 'web1'), 'web1 as new')
  await first.stop()
  const { presence } = await master()
  expect(presence.connected()).toEqual(['web1'])
  await events.find(told('lost', 'web1'), 'web1 as lost')
  expect(events.items).toHaveLength(2)
})

it('who was told as lost while another master started is told no more by that one, until it comes back', async () => {
  const { master, beat, events } = await open()
  const first = await master()
  await beat('web1')
  await events.find(told('new', 'web1'), 'web1 as new')
  // It goes on taking web1 for present when the first has lost it.
  const second = await master({ lostAfterMs: 60_000 })
  await events.find(told('lost', 'web1'), 'web1 as lost')
  expect(second.presence.connected()).toEqual(['web1'])
  await first.stop()
  await beat('web2')
  await events.find(told('new', 'web2'), 'web2 as new')
  expect([events.items.length, second.presence.connected()]).toEqual([3, ['web2']])
  await beat('web1')
  await events.find(event => events.items.indexOf(event) > 2 && told('new', 'web1')(event), 'web1 as new again')
  expect(events.items).toHaveLength(4)
})
