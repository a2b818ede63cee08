import { expect, it, onTestFinished } from 'vitest'
import { createMissedJobs } from '../../src/minion/missed.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'
import { createWorld, job, NOW } from './engine.ts'

const connection = useConnection()
let minions = 0

async function startMinion(answer: (took: string[], asked: number) => unknown, { served = true } = {}) {
  const world = await createWorld()
  const engine = await world.start({ concurrency: 1 })
  const subjects = createSubjects(`missed${minions++}`)
  const asked = createSeen<string[]>()
  const serve = () =>
    connection.nc.subscribe(subjects.anyMinion('missed'), {
      callback: (_error, message) => {
        const { took } = message.json<{ took: string[] }>()
        asked.push(took)
        message.respond(JSON.stringify(answer(took, asked.items.length)))
      },
    })
  if (served) serve()
  const { log, lines } = keptLog()
  const missed = createMissedJobs({ nc: connection.nc, subjects, id: 'm1', engine, now: () => NOW, log })
  onTestFinished(() => missed.stop())
  return { ...world, engine, asked, serve, missed, lines }
}

it('what was missed runs in order, and every page is taken before the next one is asked for', async () => {
  const pages = [[job('gate.wait'), job('gate.wait')], [job('gate.wait')], []]
  const jids = pages.map(page => page.map(({ jid }) => jid))
  const { missed, asked, started, said, returns, gate, engine } = await startMinion((took, n) => {
    for (const jid of took) expect(engine.file.values.has(jid)).toBe(true)
    return { jobs: pages[n - 1] }
  })
  missed.fetch()
  await asked.reach(3)
  expect(asked.items).toEqual([[], jids[0], jids[1]])
  gate.open()
  await returns.reach(3)
  expect(started.items).toEqual(jids.flat())
  expect(said.items).toEqual(jids.flat())
})

it('what it has already, what is too late and what is malformed does not run, and is not asked for again', async () => {
  const [known, late, good] = [job('test.ping'), job('test.ping', { deadline: NOW - 1 }), job('test.ping')]
  const malformed = { jid: '20261120091820999999', fun: 5 }
  const { missed, asked, engine, returns, returnOf } = await startMinion((_took, n) => ({
    jobs: n === 1 ? [known, late, malformed, null, good] : [],
  }))
  await engine.take(known)
  await returnOf(known)
  missed.fetch()
  await asked.reach(2)
  expect(asked.items[1]).toEqual([known.jid, late.jid, malformed.jid, good.jid])
  await returnOf(good)
  expect(returns.items).toHaveLength(2)
})

it('it asks until somebody answers', async () => {
  const sent = job('test.ping')
  const { missed, serve, returnOf, asked } = await startMinion((_took, n) => ({ jobs: n === 1 ? [sent] : [] }), {
    served: false,
  })
  missed.fetch()
  await connection.nc.flush()
  serve()
  expect(await returnOf(sent)).toMatchObject({ success: true })
  await asked.reach(2)
})

it.each([
  ['no page', () => ({})],
  ['a page of what is none', () => ({ jobs: [null, 5] })],
])('it asks again, later, where the answer is %s', async (_what, wrong) => {
  const sent = job('test.ping')
  const { missed, returnOf } = await startMinion((_took, n) => (n === 1 ? wrong() : { jobs: n === 2 ? [sent] : [] }))
  missed.fetch()
  expect(await returnOf(sent)).toMatchObject({ success: true })
})

it('a link that comes up again while it asks is asked for too', async () => {
  const [first, second] = [job('test.ping'), job('test.ping')]
  const { missed, returnOf, asked } = await startMinion((_took, n) => {
    if (n === 2) missed.fetch()
    return { jobs: n === 1 ? [first] : n === 3 ? [second] : [] }
  })
  missed.fetch()
  await returnOf(second)
  await asked.reach(4)
})
