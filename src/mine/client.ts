// The mine as functions on a minion use it.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requestJson } from '../bus/request.ts'
import type { Mine } from '../functions/minion-context.ts'
import type { Subjects } from '../protocol/subject.ts'
import { entryJson, entryLimit, type MineGet, type MinePage, type MineRequest } from './request.ts'
import { type MineEntry, shapeEntries } from './rules.ts'

const TIMEOUT_MS = 10_000
/** Pages have at most three quarters of a message each. */
const MOST_PAGES = 64

/** Throws the refusals of the mine, `unreachable` where no cache worker answers, `timeout`. */
export function createMineClient(nc: NatsConnection, subjects: Subjects, id: string): Mine {
  const ask = <T>(request: MineRequest): Promise<T> =>
    requestJson<T>(nc, subjects.ofMinion('mine', id), request, { timeoutMs: TIMEOUT_MS, what: 'the mine' })

  const getAll = async (request: MineGet): Promise<MineEntry[]> => {
    const entries: MineEntry[] = []
    let after: MinePage['next']
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer: MinePage = await ask({ ...request, ...(after ? { after } : {}) })
      entries.push(...answer.entries)
      after = answer.next
      if (!after) return entries
    }
    throw new ReactorError(
      'function_failed',
      `the mine has too much of ${request.names.join(', ')} for ${JSON.stringify(request.tgt)}: ask for fewer minions or names`,
    )
  }

  return {
    async send(name, data, allow) {
      // Else the connection would refuse a message that is too large, without a word on why.
      entryJson({ name, data }, entryLimit(maxPayload(nc)))
      await ask({ op: 'send', name, data: data ?? null, ...(allow ? { allow } : {}) })
    },
    async get(tgt, names, tgt_type) {
      return shapeEntries(await getAll({ op: 'get', tgt, tgt_type, names }), names.length > 1)
    },
    async delete(name) {
      await ask({ op: 'delete', name })
    },
    async flush(keep) {
      await ask({ op: 'flush', ...(keep ? { keep: [...keep] } : {}) })
    },
  }
}
