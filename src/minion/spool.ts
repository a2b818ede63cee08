// Events of a minion on their way: on disk first, then published, gone from disk once the server has stored them. While
// the link is down they wait; afterwards they are delivered in order, under the same event ids.
import { setTimeout as delay } from 'node:timers/promises'
import { type DurableMap, openDurableMap } from '../base/durable-map.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import { formatStamp, newEventId } from '../protocol/event.ts'
import { keptTrace, type Trace } from '../protocol/trace.ts'
import { untilWritten } from './until-written.ts'

/** An event on disk, under its id. */
export interface Spooled {
  tag: string
  data: Record<string, unknown>
  stamp: string
  cause?: string
  hops: number
  chain?: string
}

export interface Spool {
  /**
   * Resolves once the event is stored by the server, or, while the link is down, once it is on disk. Throws
   * `store_refused` or `bad_event` when the server will not have it; an event that must arrive (`keep`) is tried again instead.
   * While nothing can be written it goes as it is, with the link up: a full disk is what most needs to be told. Throws `unwritable`
   * where there is no link either.
   */
  fire(tag: string, data: Record<string, unknown>, options?: Trace & { keep?: boolean }): Promise<void>
  /** Resolves once nothing waits any more, or after that many milliseconds. */
  settle(withinMs: number): Promise<void>
}

export interface SpoolParts {
  file: DurableMap<Spooled>
  fire: Fire
  connected(): boolean
  now(): number
  log: Log
}

const RETRY_MS = 2000
/** How long a caller waits for the server before its event counts as spooled. */
const PATIENCE_MS = 5000

/** Throws `unwritable`. */
export const openSpoolFile = (file: string, log: Log): Promise<DurableMap<Spooled>> =>
  openDurableMap(file, { read: readSpooled, log })

function readSpooled(value: unknown): Spooled {
  if (!isObject(value) || !isObject(value.data) || typeof value.hops !== 'number')
    throw new Error('expected {tag, data, stamp, hops}')
  for (const key of ['tag', 'stamp']) if (typeof value[key] !== 'string') throw new Error(`'${key}' must be a text`)
  for (const key of ['cause', 'chain'])
    if (value[key] !== undefined && typeof value[key] !== 'string') throw new Error(`'${key}' must be a text`)
  return value as unknown as Spooled
}

/** What is in the file from before goes first. */
export function startSpool({ file, fire, connected, now, log }: SpoolParts): Spool {
  const waiting = createInHand(error =>
    log.error({ error: errorMessage(error) }, 'a spooled event is lost: the server will not have it'),
  )

  /** Said already that nothing can be written. */
  let unspooled = false
  /**
   * Publishes until the server has it. A refusal ends it early, unless `keep` is set and another try may succeed; a
   * publisher that stops leaves the event on disk for the next start.
   */
  const deliver = async (id: string, { tag, data, ...told }: Spooled, keep: boolean): Promise<void> => {
    for (;;) {
      try {
        await fire(tag, data, { ...told, id })
        forget(id)
        return
      } catch (error) {
        const code = error instanceof ReactorError ? error.code : 'internal'
        if (code === 'unreachable') return
        if (!keep || code !== 'store_refused') {
          forget(id)
          throw error
        }
        log.warn({ tag, error: errorMessage(error) }, 'the server refuses an event that must arrive; trying again')
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
  }
  const forget = (id: string) => waiting.add(untilWritten(() => file.delete(id), log))

  for (const [id, event] of file.values) waiting.add(deliver(id, event, true))

  return {
    async fire(tag, data, options = {}) {
      const id = newEventId()
      const event: Spooled = {
        tag,
        data,
        stamp: formatStamp(now()),
        hops: options.hops ?? 0,
        ...keptTrace(options),
      }
      try {
        await file.put(id, event)
      } catch (error) {
        const isFull = error instanceof ReactorError && error.code === 'unwritable'
        if (!isFull || !connected())
          throw new ReactorError('unwritable', `the event '${tag}' cannot be spooled: ${errorMessage(error)}`)
        if (!unspooled) log.warn({ error: errorMessage(error) }, 'events cannot be spooled; they are sent without')
        unspooled = true
        const { tag: _tag, data: _data, ...told } = event
        await fire(tag, data, { ...told, id })
        return
      }
      unspooled = false
      const delivery = deliver(id, event, options.keep ?? false)
      if (!connected()) {
        waiting.add(delivery)
        return
      }
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<'late'>(resolve => {
        timer = setTimeout(resolve, PATIENCE_MS, 'late')
      })
      const first = await Promise.race([delivery.then(() => 'stored' as const), patience]).finally(() =>
        clearTimeout(timer),
      )
      if (first === 'late') waiting.add(delivery)
    },
    settle: waiting.settle,
  }
}
