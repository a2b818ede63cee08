// `reactor tail --node minion`: a tail on the bus of this machine's minion. A minion that stops is waited for.
import { type Clock, systemClock } from '../base/clock.ts'
import { asReactorError } from '../base/errors.ts'
import { type Listening, listenToBus } from '../minion/bus-client.ts'
import { isBelieved } from '../protocol/belief.ts'
import { minionOrigin } from '../protocol/origin.ts'
import { createTagFilter } from './filter.ts'
import { createOutput } from './output.ts'
import type { Tail, TailOptions, TailParts } from './run.ts'
import { parseWhere } from './where.ts'

export interface MinionTailParts extends Pick<TailParts, 'write'> {
  /** The minion's folder. */
  dir: string
  /** The bus keeps nothing, and returns of one minion need no counting. */
  options: Omit<TailOptions, 'sinceMs' | 'reactions' | 'func'>
  /** Until what is written has gone: who does not read it is given no more, and told of what is lost. */
  written?(): Promise<unknown> | undefined
  notice(line: string): void
  clock?: Clock
}

const RETRY_MS = 250

/** Starts it; events are followed once it resolves. Throws `usage`, and `unreachable` or `forbidden` where there is no bus to listen to. */
export async function startMinionTail(parts: MinionTailParts): Promise<Tail> {
  const { dir, options, write, written, notice, clock = systemClock } = parts
  const filter = createTagFilter(options.globs ?? [])
  const where = parseWhere(options.where ?? [], notice)
  const output = createOutput({ options, write, notice, clock })
  const stopping = new AbortController()
  let left = options.count ?? Number.POSITIVE_INFINITY
  let current: Listening | undefined

  const stop = () => {
    stopping.abort()
    current?.stop()
  }
  const open = async () => {
    current = await listenToBus(dir, {
      event({ tag, data, _stamp: stamp, id, local = false }, origin) {
        if (stopping.signal.aborted || !filter.tag(tag)) return undefined
        // As on the master; and what a program has fired here is no return, however it is called.
        const believed = isBelieved(minionOrigin(origin), tag) && !(local && tag.startsWith('salt/'))
        const event = { seq: 0, tag, data, origin, stamp, id, believed, hops: 0 }
        if (where(event) && output.event(event, false) && --left <= 0) stop()
        return written?.()
      },
      lost: count => notice(`${count} events are missing here: they came faster than they were read`),
    })
    if (stopping.signal.aborted) current.stop()
    return current
  }
  const reopen = async (): Promise<Listening | undefined> => {
    while (!stopping.signal.aborted) {
      try {
        return await open()
      } catch (error) {
        if (asReactorError(error).code !== 'unreachable') throw error
        await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined)
      }
    }
    return undefined
  }
  const follow = async (first: Listening): Promise<void> => {
    for (let listening: Listening | undefined = first; listening; ) {
      await listening.ended
      if (stopping.signal.aborted) return
      notice('the minion has stopped; waiting for it')
      listening = await reopen()
      if (listening) notice('the minion is back')
    }
  }
  const done = follow(await open())
  // Without a listener a failure before the caller awaits `done` would end the process.
  done.catch(() => undefined)
  return {
    done,
    async stop() {
      stop()
    },
  }
}
