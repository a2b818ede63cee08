import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'
import { action, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

describe('a worker that is stopped', () => {
  it('while NATS is away ends all the same, and says what it leaves', async () => {
    const own = await startRestartableServer()
    onTestFinished(() => own.remove())
    const { start, store, ran, lines } = await openReactions(own)
    const gate = createGate()
    const worker = await start(
      async () => {
        await gate.passed
        return {}
      },
      { stopWithinMs: 200 },
    )
    await store(reaction('e1', [action('runner', 'a.a')]))
    await ran.reach(1)
    await own.end('SIGKILL')
    gate.open()
    await within(worker.stop(), 'the end')
    const line = await lines.find(({ msg }) => msg.includes('left to another worker'), 'the log')
    expect(line).toMatchObject({ count: 1, reactions: ['e1/r'] })
  })
})

describe('a worker whose store is away', () => {
  it('lets any number of reactions wait for it', async () => {
    const warnings: string[] = []
    const heard = (warning: Error) => warnings.push(warning.name)
    process.on('warning', heard)
    onTestFinished(() => void process.off('warning', heard))
    const { start, store, lines, drained, decided } = await openReactions(server)
    let refused = 0
    const worker = await start(async () => ({}), {
      concurrency: 30,
      publish: (subject, next) => {
        if (!subject.includes('.done.') || refused++ >= 30) return next()
        return Promise.reject(new ReactorError('store_refused', 'full'))
      },
    })
    for (let n = 0; n < 30; n++) await store(reaction(`e${n}`, [action('runner', 'a.a')]))
    await drained()
    expect(lines.items.filter(({ msg }) => msg.includes('cannot be done yet')).length).toBeGreaterThan(11)
    expect(decided.items).toHaveLength(30)
    expect(warnings).toEqual([])
    await worker.stop()
  })
})

/** Kills the server, and has the worker on it find it again. */
async function restart(server: RestartableServer, nc: NatsConnection) {
  const back = (async () => {
    for await (const { type } of nc.status()) if (type === 'reconnect') return
  })()
  await server.end('SIGKILL')
  await server.start()
  await within(back, 'the link')
}

describe('what a worker doubts', () => {
  it('is looked for among what is parked, though it comes for the first time', async () => {
    const own = await startRestartableServer()
    onTestFinished(() => own.remove())
    const { start, store, ran, lines, drained, decided, publisher, subjects, nc } = await openReactions(own)
    const worker = await start()
    await restart(own, nc)
    const one = reaction('e1', [action('runner', 'a.a')])
    await publisher.publish(subjects.parked('e1', 'r'), JSON.stringify({ key: 'e1/r', reason: 'lost', reaction: one }))
    await store(one)
    await drained()
    expect(decided.items).toMatchObject([{ key: 'e1/r', state: 'parked', reason: 'lost' }])
    expect(ran.items).toEqual([])
    expect(lines.items.filter(({ level }) => level === 50)).toEqual([])
    await worker.stop()
  })

  it('is looked up again when it is done: another may have parked it while this process stood still', async () => {
    const own = await startRestartableServer()
    onTestFinished(() => own.remove())
    const { start, store, ran, parked, parkElsewhere, drained, decided, nc } = await openReactions(own)
    const gate = createGate()
    const worker = await start(
      async () => {
        await gate.passed
        return {}
      },
      { behind: true },
    )
    await restart(own, nc)
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await ran.reach(1)
    await parkElsewhere(one)
    gate.open()
    await drained()
    expect(decided.items).toMatchObject([{ state: 'parked' }, { state: 'done' }])
    expect(await parked()).toEqual([])
    await worker.stop()
  })
})
