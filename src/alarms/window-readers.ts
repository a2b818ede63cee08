// The stateful rules as readers of the event store: what is not in the checkpoint of their partition they have yet to read.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { openBucket } from '../bus/bucket.ts'
import { bucketNames } from '../protocol/streams.ts'
import { isWindowHeadKey, readWindowHead } from '../protocol/window-head.ts'
import type { Reader } from './room.ts'

/** Checkpoints may be large, and are written every few seconds. */
const FRESH_MS = 5000

export interface WindowReadersParts {
  nc: NatsConnection
  ns: string
  replicas: number
  now(): number
  log: Log
}

/** `created`: when the stream was made; a checkpoint of another one says nothing about this one's sequences. */
export async function openWindowReaders({
  nc,
  ns,
  replicas,
  now,
  log,
}: WindowReadersParts): Promise<(created: string) => Promise<Reader[]>> {
  const bucket = await openBucket(nc, bucketNames(ns).windows, { replicas })
  let known: Reader[] = []
  let of = ''
  let at = Number.NEGATIVE_INFINITY

  const readHead = async (key: string, created: string): Promise<Reader[]> => {
    const entry = await bucket.get(key)
    if (entry?.operation !== 'PUT') return []
    try {
      const head = readWindowHead(entry.json())
      return head.created === created ? [{ name: 'the stateful rules', floor: head.seq }] : []
    } catch (error) {
      log.warn({ partition: key, error: errorMessage(error) }, 'a checkpoint of stateful rules cannot be read')
      // Nobody knows what it needs: nothing of it may go.
      return [{ name: 'the stateful rules', floor: 0 }]
    }
  }

  return async created => {
    if (created === of && now() - at < FRESH_MS) return known
    const keys: string[] = []
    // Parts of large states have more tokens.
    for await (const key of await bucket.keys('*')) if (isWindowHeadKey(key)) keys.push(key)
    known = (await Promise.all(keys.map(key => readHead(key, created)))).flat()
    of = created
    at = now()
    return known
  }
}
