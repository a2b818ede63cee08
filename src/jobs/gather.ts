// Starting a job from inside CORE and waiting for its returns: for runner functions, and for minions that may ask for it.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { rawFromLive } from '../bus/raw.ts'
import type { Gathered, PublishRequest } from '../functions/context.ts'
import { readEvent } from '../protocol/event.ts'
import { createJidSource } from '../protocol/jid.ts'
import type { JobReturn } from '../protocol/job.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Asked, PublishJob } from './publish.ts'

export interface GatherOptions {
  timeoutMs: number
  /** Ends the wait early. */
  signal?: AbortSignal | undefined
}

export type Gather = (request: PublishRequest, asked: Asked, options: GatherOptions) => Promise<Gathered>

export interface GatherParts {
  nc: NatsConnection
  subjects: Subjects
  publishJob: PublishJob
  /** Puts the value of a return in place that lies apart, because it is larger than a message. */
  whole(returned: JobReturn): Promise<JobReturn>
}

/** Resolves when every minion that took the job has returned, or the time is up. A target that nobody matches gathers nothing. */
export function createGather({ nc, subjects, publishJob, whole }: GatherParts): Gather {
  const newJid = createJidSource()
  return async (request, asked, { timeoutMs, signal }) => {
    const jid = newJid()
    const returns = new Map<string, JobReturn>()
    let onReturn: (id: string) => void = () => undefined
    // Before the job is sent: no return can be missed.
    const subscription = nc.subscribe(`${subjects.livePrefix}*.salt.job.${jid}.ret.>`, {
      callback: (error, message) => {
        if (error) return
        const read = readEvent(subjects.livePrefix, rawFromLive(message))
        if (!read.ok || !read.event.believed || read.event.origin.kind !== 'minion') return
        const { id } = read.event.origin
        if (returns.has(id)) return
        returns.set(id, read.event.data as unknown as JobReturn)
        onReturn(id)
      },
    })
    try {
      await nc.flush()
      const { minions, offline, refused } = await publishJob({ ...request, jid }, asked)
      const away = new Set([...offline, ...Object.keys(refused)])
      const open = new Set(minions.filter(id => !away.has(id) && !returns.has(id)))
      await until(timeoutMs, signal, done => {
        onReturn = id => {
          if (open.delete(id) && open.size === 0) done()
        }
        if (open.size === 0) done()
      })
      const fetched = await Promise.all(
        [...returns].map(async ([id, returned]) => [id, await whole(returned)] as const),
      )
      return { jid, minions, offline, refused, returns: Object.fromEntries(fetched), silent: [...open].sort() }
    } catch (error) {
      if (!(error instanceof ReactorError) || error.code !== 'no_minions') throw error
      return { jid, minions: [], offline: [], refused: {}, returns: {}, silent: [] }
    } finally {
      subscription.unsubscribe()
    }
  }
}

/** Resolves when `start` calls what it is given, after so many milliseconds, or with the signal. */
async function until(ms: number, signal: AbortSignal | undefined, start: (done: () => void) => void): Promise<void> {
  let end: () => void = () => undefined
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1))
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted) end()
  else start(end)
  await ended
  clearTimeout(timer)
  signal?.removeEventListener('abort', end)
}
