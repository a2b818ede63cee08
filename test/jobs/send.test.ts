import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createJobSender } from '../../src/jobs/send.ts'
import type { JobMessage } from '../../src/protocol/job.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const JOB = { jid: '20261121093000123456', fun: 'test.ping' } as JobMessage

it.each<[string, string, unknown]>([
  ['a reason of a megabyte', JSON.stringify({ accepted: false, reason: 'x'.repeat(1_000_000) }), `${'x'.repeat(499)}…`],
  ['a reason that is no text', '{"accepted": false, "reason": {"a": 1}}', '[object Object]'],
  ['no reason', '{"accepted": false}', 'no reason given'],
  ['a word that is none', '{"accepted": "yes"}', expect.stringMatching(/^its answer is no {accepted, reason}/)],
  ['null', 'null', expect.stringMatching(/^its answer is no {accepted, reason}/)],
])('a minion that refuses a job with %s is told of in few words', async (_what, answer, reason) => {
  const { nc, subjects } = await openCore(server)
  nc.subscribe(subjects.job('m1'), { callback: (_, message) => void message.respond(answer) })
  const sender = createJobSender(nc, subjects, silentLog)
  expect(await sender.send(JOB, ['m1'])).toEqual({ offline: [], unanswered: [], waiting: [], refused: { m1: reason } })
  await sender.stop()
})
