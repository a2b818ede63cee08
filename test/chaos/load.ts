// A steady load: events of every kind, fired by an operator, and jobs that the operator asks for; and which of them were
// accepted, by the answers that came.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { createFire } from '../../src/bus/fire.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { requestJson } from '../../src/bus/request.ts'
import { newEventId } from '../../src/protocol/event.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { KINDS, slotOf, tagsOf } from './kinds.ts'
import type { Random } from './random.ts'

export interface Loaded {
  /** Ids of the events that were stored, by the ack that came. */
  accepted: Set<string>
  /** Jobs that were published, by the answer that came. */
  jobs: string[]
  fired: number
}

const EVERY_MS = 50
/** Of so many turns one asks for a job. */
const JOB_EVERY = 10
/** What has no ack until then may be stored or not. */
const PATIENCE_MS = 20_000

/** Loads until `until` (milliseconds since the epoch), then waits for the answers. */
export async function load(nc: NatsConnection, dir: string, random: Random, until: number): Promise<Loaded> {
  const subjects = createSubjects('reactor')
  const publisher = createPublisher(nc)
  const fire = createFire(publisher, subjects, userOrigin('admin'))
  const newJid = createJidSource()
  const loaded: Loaded = { accepted: new Set(), jobs: [], fired: 0 }
  const answers = new Set<Promise<void>>()

  const event = async (n: number, kind: string) => {
    for (const tag of tagsOf(kind, n)) {
      const id = newEventId()
      await fire(tag, { n, slot: slotOf(n) }, { id, deadlineMs: PATIENCE_MS })
      loaded.accepted.add(id)
    }
  }
  const job = async (n: number) => {
    const jid = newJid()
    const body = { tgt: 'm*', fun: 'chaos.mark', kwarg: { rule: 'asked', n, dir }, jid, timeout: 20, run_timeout: 30 }
    await requestJson(nc, subjects.publish, body, { timeoutMs: PATIENCE_MS, what: 'publish' })
    loaded.jobs.push(jid)
  }
  const kinds = Object.keys(KINDS)
  for (let n = 0; Date.now() < until; n++) {
    const work = n % JOB_EVERY === 0 ? job(n) : event(n, random.pick(kinds))
    // What was not answered is in doubt, and that is all that the load says of it.
    const answered = work.catch(() => undefined).finally(() => answers.delete(answered))
    answers.add(answered)
    loaded.fired++
    await delay(EVERY_MS)
  }
  await Promise.all(answers)
  publisher.stop()
  return loaded
}
