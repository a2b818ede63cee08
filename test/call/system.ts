// A system that answers publishes and the job cache as a test says, on a real server.
import { createFire } from '../../src/bus/fire.ts'
import { serve } from '../../src/bus/serve.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobReturn, Published, PublishMessage } from '../../src/protocol/job.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import { minionOrigin, type Origin, serviceOrigin } from '../../src/protocol/origin.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'

export const newJid = createJidSource()
export const FAR = 4_000_000_000_000

export type Answer = (request: PublishMessage) => Promise<Partial<Published>> | Partial<Published>

/** `answer` makes the answer of a publish; what it leaves out is empty, and the job has all the time there is. */
export async function startSystem(server: { url: string }, answer: Answer) {
  const { nc, subjects, publisher } = await openCore(server, { byHand: true })
  const requests = createSeen<PublishMessage>()
  const cached = new Map<string, JobView>()
  const asked = createSeen<string>()
  const log = keptLog().log
  await serve(nc, {
    name: `${subjects.ns}-publish`,
    description: 'test',
    queue: 'q',
    log,
    endpoints: [
      {
        name: 'publish',
        subject: subjects.publish,
        async handle(message) {
          const request = message.json<PublishMessage>()
          requests.push(request)
          const empty = {
            minions: [],
            offline: [],
            refused: {},
            missing: [],
            waiting: [],
            deadline: FAR,
            run_until: FAR,
          }
          return { jid: request.jid, ...empty, ...(await answer(request)) }
        },
      },
      {
        name: 'job',
        subject: subjects.historyJob,
        async handle(message) {
          const { jid } = message.json<{ jid: string }>()
          asked.push(jid)
          return { job: cached.get(jid) ?? null }
        },
      },
    ],
  })
  await nc.flush()
  const fireAs = (origin: Origin, tag: string, data: Record<string, unknown>) =>
    createFire(publisher, subjects, origin)(tag, data)
  return {
    bus: { nc, subjects, close: async () => undefined },
    requests,
    /** What the job cache has. */
    cached,
    /** Jids that it was asked for. */
    asked,
    fireAs,
    announce: (jid: string, minions: string[], times = { deadline: FAR, run_until: FAR }) =>
      fireAs(serviceOrigin('_jobs'), `salt/job/${jid}/new`, { jid, minions, ...times }),
    giveReturn: (jid: string, id: string, more: Partial<JobReturn> = {}, origin: Origin = minionOrigin(id)) =>
      fireAs(origin, `salt/job/${jid}/ret/${id}`, { jid, return: `of ${id}`, success: true, retcode: 0, ...more }),
    tellPresence: (change: { lost?: string[]; new?: string[] }, origin: Origin = serviceOrigin('_master')) =>
      fireAs(origin, 'salt/presence/change', { lost: [], new: [], ...change }),
    start: (jid: string, id: string) => fireAs(minionOrigin(id), `salt/job/${jid}/prog/${id}/start`, { jid }),
  }
}

/** A job of the cache that runs on its minions. */
export const cachedJob = (jid: string, minions: string[], more: Partial<JobView> = {}): JobView => ({
  jid,
  kind: 'local',
  fun: 'test.ping',
  arg: [],
  tgt: '*',
  tgt_type: 'glob',
  user: 'root',
  start: Date.now(),
  deadline: FAR,
  run_until: FAR,
  minions,
  missing: [],
  counts: { running: minions.length },
  active: true,
  states: Object.fromEntries(minions.map(id => [id, 'running' as const])),
  reasons: {},
  returns: {},
  ...more,
})
