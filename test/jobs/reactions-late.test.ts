// Reactions whose job was sent by a worker that is gone, or whose minions were away: with jobs as they are really published.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { PublishJob } from '../../src/jobs/publish.ts'
import type { JobAnswer } from '../../src/protocol/job.ts'
import type { ReactionPolicy } from '../../src/protocol/reaction.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, hurriedClock, openReactions, reaction } from './reactions.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const TIMEOUT_MS = 60_000

/** `web1` as it answers; undefined: it is away. */
async function open(web1?: JobAnswer) {
  const opened = await openReactions(server)
  // So long ago that what is due after a deadline is due at once.
  let now = Date.now() - 2 * TIMEOUT_MS
  const fleet = await openWorker(opened, { web1 }, { now: () => now })
  const clock = { ...hurriedClock, now: () => now }
  const start = (publishJob: PublishJob = fleet.publish, more = {}) =>
    opened.start(undefined, { clock, publishJob, ...more })
  const pass = (ms: number) => {
    now += ms
  }
  const store = async (policy: ReactionPolicy = {}) => {
    await opened.fire('my/tag', {})
    await opened.store(reaction('e1', [action('local', 'a.a')], 'r', { policy: { backoff: [10, 10], ...policy } }))
  }
  return { ...opened, ...fleet, start, pass, store }
}

it.each([1, 3])(
  'a job that was sent and not entered is not sent again when its minions have forgotten it (%i attempts)',
  async attempts => {
    const answer: JobAnswer = { ...YES }
    const { start, pass, store, got, decided, drained } = await open(answer)
    const died = createGate()
    const publish = (subject: string, next: () => Promise<{ seq: number; duplicate: boolean }>) => {
      if (!subject.includes('.done.')) return next()
      died.open()
      return Promise.reject(new ReactorError('unreachable', 'the link is gone'))
    }
    const first = await start(undefined, { publish })
    await store({ attempts })
    await died.passed
    await first.stop()
    pass(TIMEOUT_MS + 10 * 60_000)
    // As of one that has forgotten the jid.
    Object.assign(answer, { accepted: false, reason: 'its deadline has passed' })
    const second = await start()
    await drained()
    expect(decided.items).toMatchObject([
      { state: 'parked', reason: expect.stringMatching(/^local.a.a: outcome unknown: job \d+ was started before/) },
    ])
    expect(got.items).toHaveLength(1)
    await second.stop()
  },
)

it.each([
  ['parked as offline where no minion has come for it', false, { state: 'parked', reason: 'local.a.a: offline: web1' }],
  ['done where one has', true, { state: 'done' }],
])('a job whose minions were away is asked after once its deadline is over, and is %s', async (_what, comes, end) => {
  const { start, pass, store, publish, connect, missed, decided, drained } = await open()
  let asked = 0
  const worker = await start(async (request, by) => {
    if (asked++ === 1) {
      if (comes) {
        expect((await missed.page('web1', [])).jobs).toHaveLength(1)
        connect('web1', YES)
      }
      pass(TIMEOUT_MS + 1000)
    }
    return publish(request, by)
  })
  await store()
  await decided.reach(2)
  await drained()
  expect(decided.items).toMatchObject([{ state: 'retrying' }, { ...end, attempt: 2 }])
  expect(asked).toBe(2)
  await worker.stop()
})
