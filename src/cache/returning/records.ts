// What stored events say of jobs, as stores keep it: loads and returns with Salt's fields, returns whole wherever they lay.
import type { JsMsg } from '@nats-io/jetstream'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { deliveryFromStream } from '../../bus/raw.ts'
import type { PayloadStore } from '../../payload/store.ts'
import { formatStamp } from '../../protocol/event.ts'
import type { PayloadRef } from '../../protocol/job.ts'
import { collectPayload, payloadOf } from '../../protocol/payload.ts'
import type { JobLoad, StoredReturn } from '../../protocol/returned.ts'
import { createFactReader, type JobTimeouts, type NewFact, type ReturnFact } from '../facts.ts'

/** `payload`: where the value of the return lies. */
export type JobRecord = { load: JobLoad } | { returned: StoredReturn; payload?: PayloadRef }

/** Reads a message of the master's job cache; undefined: it is not believed, cannot be read, or is not to be kept. */
export function createRecordReader(
  eventPrefix: string,
  timeouts: JobTimeouts,
  log: Log,
): (message: JsMsg) => JobRecord | undefined {
  const readFact = createFactReader(eventPrefix, timeouts)
  return message => {
    const read = readFact(deliveryFromStream(message))
    if (!read.ok) {
      // The job cache says so in the log.
      log.debug(
        { seq: message.seq, problem: read.problem },
        'an event about a job is not given to the master_job_cache',
      )
      return undefined
    }
    const { fact } = read
    if (!fact) return undefined
    if (fact.what === 'new') return { load: loadOf(fact) }
    if (fact.what !== 'return') return undefined
    return { returned: returnOf(fact), ...(fact.payload ? { payload: fact.payload } : {}) }
  }
}

const loadOf = (fact: NewFact): JobLoad => ({
  jid: fact.jid,
  cmd: 'publish',
  fun: fact.fun,
  arg: fact.arg,
  // Where Salt has it.
  kwargs: {
    ...(fact.metadata ? { metadata: fact.metadata } : {}),
    ...(fact.ret_config ? { ret_config: fact.ret_config } : {}),
    ...(fact.ret_kwargs ? { ret_kwargs: fact.ret_kwargs } : {}),
  },
  tgt: fact.tgt,
  tgt_type: fact.tgt_type,
  ret: fact.ret ?? '',
  user: fact.user,
  minions: fact.minions,
})

const returnOf = (fact: ReturnFact): StoredReturn => ({
  id: fact.id,
  jid: fact.jid,
  fun: fact.fun,
  fun_args: fact.args,
  return: fact.return,
  retcode: fact.retcode,
  success: fact.success,
  cmd: '_return',
  ...(fact.outcome ? { outcome: fact.outcome } : {}),
  ...(fact.schedule ? { schedule: fact.schedule } : {}),
  ...(fact.metadata ? { metadata: fact.metadata } : {}),
  // The server's clock: as in Salt, it is the master who says when a return came.
  _stamp: formatStamp(fact.at),
})

/** Bytes of a return; of a larger one a store gets a note. */
const LARGEST = 64 * 1024 * 1024

/** With its value in place; where that is not there any more, a failed return says so. Throws where it cannot be read now. */
export async function wholeReturn(
  { returned, payload }: Extract<JobRecord, { returned: StoredReturn }>,
  payloads: Pick<PayloadStore, 'get'>,
): Promise<StoredReturn> {
  if (!payload) return returned
  if (payload.size > LARGEST)
    return { ...returned, return: { _left_out: `${payload.size} bytes: stores of returns get ${LARGEST} at most` } }
  const ref = payloadOf(returned.id, payload)
  try {
    const value = await collectPayload(ref, async part => {
      const bytes = await payloads.get(ref.name, part)
      if (bytes) return bytes
      throw new ReactorError('not_found', `part ${part} of payload '${ref.name}' is not stored any more`)
    })
    return { ...returned, return: value }
  } catch (error) {
    if (!(error instanceof ReactorError) || error.code === 'unreachable') throw error
    return {
      ...returned,
      return: `The return of ${payload.size} bytes could not be fetched: ${errorMessage(error)}`,
      retcode: Math.max(1, returned.retcode),
      success: false,
    }
  }
}
