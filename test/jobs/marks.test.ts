import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openMarks } from '../../src/jobs/reactions/marks.ts'
import { createIsSettled } from '../../src/jobs/reactions/settle.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('the marks of settled work go, and those of open work and the records of jobs stay', async () => {
  const { nc, ns, subjects, publisher } = await openCore(server)
  const jsm = await jetstreamManager(nc)
  const records = await openJobRecords(nc, subjects, publisher, 86_400_000)
  const marks = await openMarks(nc, subjects, keptLog().log, 20)
  const keys = Array.from({ length: 300 }, (_, i) => `event-${i}/rule/0/1`)
  await Promise.all(keys.map(key => records.mark({ key, causeMs: 1 })))
  const base = { kind: 'local' as const, fun: 'a.b', arg: [], kwarg: {}, user: 'root', hops: 1 }
  const { record } = await records.open({ ...base, deadline: Date.now(), run_until: 0 }, {})
  const state = async () => (await jsm.streams.info(`${ns}_JOBS`)).state
  const { bytes, messages } = await state()
  expect(messages).toBe(301)
  expect(bytes / messages).toBeLessThan(300)
  marks.release(keys.slice(10))
  await within(
    (async () => {
      while ((await state()).messages > 11) await new Promise(resolve => setImmediate(resolve))
    })(),
    'the end of the marks',
  )
  expect(await records.mark({ key: keys[0]!, causeMs: 5 })).toEqual({ before: true, causeMs: 1 })
  expect(await records.find(record.jid)).toBeDefined()
  expect(await records.mark({ key: keys[20]!, causeMs: 5 })).toMatchObject({ before: false })
  await marks.stop()
})

it('work whose marks may be gone is looked for in the ledger as it is now', async () => {
  const known = new Set<string>()
  let synced = 0
  const ledger = {
    has: (id: string) => known.has(id),
    async sync() {
      synced += 1
      known.add('e/r')
    },
  }
  const isSettled = createIsSettled(ledger, new AbortController().signal)
  const now = performance.now()
  // One whose first action began a moment ago: its marks are there.
  expect(await isSettled('e/r', now)).toBe(false)
  expect(synced).toBe(0)
  expect(await isSettled('e/r', undefined)).toBe(true)
  expect(await isSettled('f/r', undefined)).toBe(false)
  expect(await isSettled('e/r', now - 3_600_000)).toBe(true)
  expect(synced).toBe(1)
})
