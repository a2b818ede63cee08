import { afterAll, beforeAll, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import { type Announce, openAnnounce } from '../../src/jobs/announce.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { runNew } from '../../src/protocol/catalogue/functions.ts'
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
  event: jid =>
    runNew.of({ jid }, { jid, fun: 'runner.test.arg', fun_args: [], user: 'root', deadline: 1, run_until: 2 }),
  trace: { cause: 'event-1', hops: 2, chain: 'a' },
}

/** Two pieces of work that derive the same jid. */
function collision(): [string, string] {
  const seen = new Map<string, string>()
  for (let n = 0; ; n++) {
    const key = `event-${n}/rule/0/1`
    const jid = jidOfWork(causeMs, key, 'announcement')
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
  expect(jid).toBe(jidOfWork(causeMs, 'event-1/rule/0/1', 'announcement'))
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
  expect(first).toBe(jidOfWork(causeMs, one, 'announcement'))
  expect(second).toBe(jidOfWork(causeMs, other, 'announcement', 1))
  expect(second).not.toBe(first)
  // Taken up again, each finds its own.
  expect(await announce(work(one), job)).toBe(first)
  expect(await announce(work(other), job)).toBe(second)
})

it('never takes a jid that a record has: each has its own half of them', async () => {
  const { announce, nc, subjects, publisher } = await start()
  const records = await openJobRecords(nc, subjects, publisher, 86_400_000)
  const base = { kind: 'local' as const, fun: 'test.ping', arg: [], kwarg: {}, user: 'root', hops: 1 }
  const times = { deadline: 0, run_until: 0 }
  const [one, other] = collision()
  const announced = [await announce(work(one), job), await announce(work(other), job)]
  const recorded: string[] = []
  for (const by of [{ work: work(one) }, { work: work(other) }, {}, {}])
    recorded.push((await records.open({ ...base, ...times }, by)).record.jid)
  expect(announced.map(jid => Number(jid.at(-1)) % 2)).toEqual([0, 0])
  expect(recorded.map(jid => Number(jid.at(-1)) % 2)).toEqual([1, 1, 1, 1])
})

it('waits for what is on its way through the cluster, instead of taking another jid', async () => {
  const { nc, subjects, publisher } = await start()
  let refused = 0
  // As a cluster answers while an earlier message on the subject is in process; it is this work's own, and nobody can read it.
  const busy: Publisher = {
    ...publisher,
    async publish(subject, body, options) {
      if (refused++ > 1) return publisher.publish(subject, body, options)
      throw new ReactorError('store_refused', 'wrong last sequence', { overtaken: true })
    },
  }
  const announce = await openAnnounce(nc, subjects, busy, '_jobs')
  expect(await announce(work('event-1/rule/0/1'), job)).toBe(jidOfWork(causeMs, 'event-1/rule/0/1', 'announcement'))
  expect(refused).toBe(3)
})
