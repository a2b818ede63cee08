// What starts jobs on minions, for tests: the real thing on a namespace of one's own, and minions that answer as told.
import type { Audit } from '../../src/audit/audit.ts'
import { silentLog } from '../../src/base/log.ts'
import { openMissed } from '../../src/jobs/missed.ts'
import { createPublishJob } from '../../src/jobs/publish.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { createJobSender } from '../../src/jobs/send.ts'
import type { JobAnswer, JobMessage } from '../../src/protocol/job.ts'
import { noAudit } from '../helpers/authority.ts'
import type { Core } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'

export interface WorkerOptions {
  now?: () => number
  nodegroups?: Record<string, string>
  audit?: Audit
}

export const YES: JobAnswer = { accepted: true }

/** A job worker's publishing, for a fleet of known ids; those with an answer are connected and give it to every job. */
export async function openWorker(
  { nc, subjects, fire, publisher }: Core,
  fleet: Record<string, JobAnswer | undefined>,
  { now = Date.now, nodegroups = {}, audit = noAudit }: WorkerOptions = {},
) {
  const got = createSeen<{ id: string; job: JobMessage }>()
  const connect = (id: string, answer: JobAnswer) =>
    nc.subscribe(subjects.job(id), {
      callback: (_error, message) => {
        got.push({ id, job: message.json<JobMessage>() })
        message.respond(JSON.stringify(answer))
      },
    })
  for (const [id, answer] of Object.entries(fleet)) if (answer) connect(id, answer)
  await nc.flush()
  const records = await openJobRecords(nc, subjects, publisher, 86_400_000)
  const missed = await openMissed({ nc, subjects, publisher, records, now })
  const sender = createJobSender(nc, subjects, silentLog)
  const { publish, resolve } = createPublishJob({
    fire,
    records,
    sender,
    missed,
    fleet: { values: new Map(Object.keys(fleet).map(id => [id, { id, grains: { id } }])) },
    targets: { nodegroups, pillar: false },
    jobTimeoutMs: 60_000,
    runTimeoutMs: 3_600_000,
    audit,
    clock: { now, sleep: async () => undefined },
    log: silentLog,
  })
  return { publish, resolve, records, missed, sender, got, connect }
}
