// What was told of presence, kept over restarts: the ids that were told as present, the slow ones among them, and the change that
// is being told. One value, packed, and written by compare-and-set. Those that come with the change stand in it alone: a fleet that
// comes at once is the largest value there is, and would be twice as large.
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isWrongSequence } from '../bus/overtaken.ts'

const ids = z.array(z.string())
const toldSchema = z.strictObject({
  present: ids,
  /** The largest gap of each, milliseconds. */
  slow: z.record(z.string(), z.number()),
  /** Events that may not be stored yet, in their order: of each the id is `<id>-<place>`. */
  change: z.strictObject({ id: z.string(), parts: z.array(z.strictObject({ new: ids, lost: ids })) }).optional(),
})

type Read = z.output<typeof toldSchema>
export type Told = Omit<Read, 'present'> & { present: readonly string[] }

export interface ToldStore {
  /** Undefined where nothing was told yet. Throws `unreachable`. */
  read(): Promise<{ told: Told | undefined; revision: number }>
  /** The new revision; undefined: another has written since. Throws `store_refused`. */
  write(told: Told, revision: number): Promise<number | undefined>
}

const KEY = 'told'
/** Of a value that somebody else has put there. */
const MOST_BYTES = 256 * 1024 * 1024
/** Room for what goes with a value in its message. */
const HEADERS_BYTES = 1024
const pack = promisify(gzip)
const unpack = promisify(gunzip)

const comeWith = (change: Told['change']): string[] => change?.parts.flatMap(part => part.new) ?? []

export function createToldStore(bucket: Pick<KV, 'get' | 'put'>, maxPayload: () => number, log: Log): ToldStore {
  return {
    async read() {
      const entry = await bucket.get(KEY).catch(error => {
        throw new ReactorError('unreachable', `what was told of presence cannot be read: ${errorMessage(error)}`)
      })
      if (entry?.operation !== 'PUT') return { told: undefined, revision: entry?.revision ?? 0 }
      const { revision } = entry
      try {
        const text = (await unpack(entry.value, { maxOutputLength: MOST_BYTES })).toString()
        const kept = toldSchema.parse(JSON.parse(text))
        return { told: { ...kept, present: [...kept.present, ...comeWith(kept.change)].sort() }, revision }
      } catch (error) {
        log.error(
          { error: errorMessage(error) },
          'what was told of presence is malformed and counts as nothing: all minions that are there are told as new',
        )
        return { told: undefined, revision }
      }
    },
    async write(told, revision) {
      const come = new Set(comeWith(told.change))
      const present = told.present.filter(id => !come.has(id))
      const value = await pack(JSON.stringify({ ...told, present }))
      const room = maxPayload() - HEADERS_BYTES
      if (value.length > room)
        throw new ReactorError(
          'store_refused',
          `the ids of ${told.present.length} minions are ${value.length} bytes packed, and a message may have ${room}: raise max_payload of the NATS server`,
        )
      try {
        return await bucket.put(KEY, value, { previousSeq: revision })
      } catch (error) {
        if (error instanceof JetStreamApiError && isWrongSequence(error.code)) return undefined
        throw new ReactorError('store_refused', `what was told of presence cannot be kept: ${errorMessage(error)}`)
      }
    },
  }
}
