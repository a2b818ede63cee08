import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Announce, openAnnounce } from '../../src/jobs/announce.ts'
import { jidOfWork } from '../../src/protocol/jid.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const causeMs = Date.UTC(2026, 10, 21, 9, 18, 20)
const work = (key: string) => ({ key, causeMs })
const job: Parameters<Announce>[1] = {
  tag: jid => `salt/run/${jid}/new`,
  data: jid => ({ jid, fun: 'runner.test.arg' }),
  trace: { cause: 'event-1', hops: 2, chain: 'a' },
}

/** Two pieces of work that derive the same jid. */
function collision(): [string, string] {
  const seen = new Map<string, string>()
  for (let n = 0; ; n++) {
    const key = `event-${n}/rule/0/1`
    const jid = jidOfWork(causeMs, key)
    const other = seen.get(jid)
    if (other) return [other, key]
    seen.set(jid, key)
  }
}

async function start() {
  const core = await openCore(server)
  return { ...core, announce: await openAnnounce(core.nc, core.subjects, core.publisher, '_jobs') }
}

it('announces work under the jid that it derives, with its causes', async () => {
  const { announce, events } = await start()
  const jid = await announce(work('event-1/rule/0/1'), job)
  expect(jid).toBe(jidOfWork(causeMs, 'event-1/rule/0/1'))
  const [announced] = await events.reach(1)
  expect(announced).toMatchObject({ tag: `salt/run/${jid}/new`, cause: 'event-1', hops: 2, chain: 'a' })
  expect(announced!.data).toMatchObject({ jid, fun: 'runner.test.arg' })
})

it('finds the same jid again, and announces it once, whoever asks', async () => {
  const { announce, events, nc, subjects, publisher, fire } = await start()
  const other = await openAnnounce(nc, subjects, publisher, '_jobs')
  const jids = await Promise.all([announce, other, announce].map(one => one(work('event-1/rule/0/1'), job)))
  expect(new Set(jids).size).toBe(1)
  await fire('the/end', {})
  const told = await events.reach(2)
  expect(told.map(({ tag }) => tag)).toEqual([`salt/run/${jids[0]}/new`, 'the/end'])
})

it('takes another jid where its own is that of other work', async () => {
  const { announce } = await start()
  const [one, other] = collision()
  const first = await announce(work(one), job)
  const second = await announce(work(other), job)
  expect(first).toBe(jidOfWork(causeMs, one))
  expect(second).toBe(jidOfWork(causeMs, other, 1))
  expect(second).not.toBe(first)
  // Taken up again, each finds its own.
  expect(await announce(work(one), job)).toBe(first)
  expect(await announce(work(other), job)).toBe(second)
})
