import type { NatsConnection, SubscriptionOptions } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { listenForJobs } from '../../src/minion/listen.ts'
import type { JobAnswer } from '../../src/protocol/job.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'
import { keptLog } from '../helpers/core.ts'
import { createWorld, job, NOW } from './engine.ts'

const connection = useConnection()
let minions = 0

async function startMinion(options: { isolation?: 'accounts' | 'none'; nc?: NatsConnection } = {}) {
  const world = await createWorld()
  const engine = await world.start()
  const subjects = createSubjects(`listen${minions++}`)
  const { log, lines } = keptLog()
  const listening = listenForJobs({
    nc: options.nc ?? connection.nc,
    subjects,
    id: 'm1',
    isolation: options.isolation ?? 'none',
    engine,
    log,
  })
  onTestFinished(() => listening.stop())
  await connection.nc.flush()
  const send = async (body: string) =>
    (await connection.nc.request(subjects.job('m1'), body, { timeout: 30_000 })).json<JobAnswer>()
  return { ...world, lines, listening, subjects, send, ask: (body: unknown) => send(JSON.stringify(body)) }
}

it('a job is answered at once and returns', async () => {
  const { ask, returnOf } = await startMinion()
  const sent = job('test.ping')
  expect(await ask(sent)).toEqual({ accepted: true })
  expect(await returnOf(sent)).toMatchObject({ return: true })
})

it('a jid that is delivered twice at once runs once', async () => {
  const { ask, started, returns, gate } = await startMinion()
  const sent = job('gate.wait')
  expect(await Promise.all([ask(sent), ask(sent)])).toEqual([{ accepted: true }, { accepted: true }])
  gate.open()
  const last = job('gate.wait')
  await ask(last)
  await returns.reach(2)
  expect(started.items).toEqual([sent.jid, last.jid])
})

it.each([
  ['its deadline has passed', job('test.ping', { deadline: NOW - 1 }), /its deadline has passed/],
  ['it has no jid', { ...job('test.ping'), jid: '1' }, /it is no job/],
  ['it has no function', { ...job('test.ping'), fun: undefined }, /it is no job/],
  ['it has no arguments', { ...job('test.ping'), arg: 'x' }, /it is no job/],
  ['it has no named arguments', { ...job('test.ping'), kwarg: undefined }, /it is no job/],
  ['it has no deadline', { ...job('test.ping'), deadline: undefined }, /it is no job/],
  ['nothing says how long it may run', { ...job('test.ping'), run_until: 'ever' }, /it is no job/],
  ['it has no user', { ...job('test.ping'), user: 5 }, /it is no job/],
  ['it has no hops', { ...job('test.ping'), hops: undefined }, /it is no job/],
  ['it has no target', { ...job('test.ping'), tgt: null }, /it is no job/],
  ['it is null', null, /it is no job/],
])('a job is refused and leaves no return because %s', async (_what, sent, reason) => {
  const { ask, returns, returnOf } = await startMinion()
  expect(await ask(sent)).toEqual({ accepted: false, reason: expect.stringMatching(reason) })
  const good = job('test.ping')
  await ask(good)
  await returnOf(good)
  expect(returns.items).toHaveLength(1)
})

it.each([
  ['no JSON', '{"jid":'],
  ['empty', ''],
  ['nested too deep', '['.repeat(5000)],
])('what is %s is refused as such', async (_what, body) => {
  const { send } = await startMinion()
  expect(await send(body)).toEqual({ accepted: false, reason: expect.stringContaining('it is no JSON') })
})

it('a job that the server does not attest is refused and leaves its jid free', async () => {
  const { ask, returns } = await startMinion({ isolation: 'accounts' })
  expect(await ask(job('test.ping'))).toEqual({ accepted: false, reason: expect.stringContaining('does not attest') })
  expect(returns.items).toEqual([])
})

it('a job runs where its answer cannot be sent', async () => {
  const respond = () => {
    throw new Error('draining')
  }
  const mute = Object.assign(Object.create(connection.nc), {
    subscribe: (subject: string, options: SubscriptionOptions) =>
      connection.nc.subscribe(subject, {
        ...options,
        callback: (error, message) => options.callback!(error, Object.assign(Object.create(message), { respond })),
      }),
  }) as NatsConnection
  const { returnOf, subjects, lines } = await startMinion({ nc: mute })
  const sent = job('test.ping')
  connection.nc.publish(subjects.job('m1'), JSON.stringify(sent), { reply: 'nowhere' })
  expect(await returnOf(sent)).toMatchObject({ success: true })
  await lines.find(({ error }) => error === 'draining', 'the word of it')
})

it('a listener that has stopped leaves nobody there', async () => {
  const { ask, listening } = await startMinion()
  await listening.stop()
  await expect(ask(job('test.ping'))).rejects.toThrow(/no responders/)
})
