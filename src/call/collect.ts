// Starting a job and gathering its returns as an operator does: subscribe first, publish, and count until every minion
// that took the job has answered.
import { headers as createHeaders } from '@nats-io/transport-node'
import type { Bus } from '../bus/connect.ts'
import { rawFromLive } from '../bus/raw.ts'
import { requestJson } from '../bus/request.ts'
import type { Published } from '../jobs/publish.ts'
import { HEADER, readEvent } from '../protocol/event.ts'
import type { JobReturn, PublishMessage } from '../protocol/job.ts'

export interface CallHandlers {
  /** The job is published; who is offline or refused is known. */
  onPublished?(published: Published): void
  onReturn(returned: JobReturn): void
}

export interface CallOptions {
  /** Who asks: believed only by a server without accounts; elsewhere the server says it. */
  user: string
  timeoutMs: number
  signal: AbortSignal
}

export interface CallEnd {
  published: Published
  /** Minions that took the job and did not return in time. */
  silent: string[]
}

const PUBLISH_TIMEOUT_MS = 10_000

/** Resolves when all have returned, the time is up, or `signal` aborts. Throws the refusals of `<ns>.publish`. */
export async function callMinions(
  bus: Bus,
  jid: string,
  request: PublishMessage,
  handlers: CallHandlers,
  options: CallOptions,
): Promise<CallEnd> {
  const { nc, subjects } = bus
  const headers = createHeaders()
  headers.set(HEADER.user, options.user)
  const returned = new Set<string>()
  let open: Set<string> | undefined
  let finish: () => void = () => undefined
  const finished = new Promise<void>(resolve => {
    finish = resolve
  })
  const subscription = nc.subscribe(`${subjects.livePrefix}*.salt.job.${jid}.ret.>`, {
    callback: (error, message) => {
      if (error) return
      const read = readEvent(subjects.livePrefix, rawFromLive(message))
      if (!read.ok || !read.event.believed || read.event.origin.kind !== 'minion') return
      const { id } = read.event.origin
      if (returned.has(id)) return
      returned.add(id)
      handlers.onReturn(read.event.data as unknown as JobReturn)
      open?.delete(id)
      if (open?.size === 0) finish()
    },
  })
  try {
    await nc.flush()
    const published = await requestJson<Published>(
      nc,
      subjects.publish,
      { ...request, jid },
      { timeoutMs: PUBLISH_TIMEOUT_MS, headers, what: 'publish' },
    )
    handlers.onPublished?.(published)
    const away = new Set([...published.offline, ...Object.keys(published.refused)])
    open = new Set(published.minions.filter(id => !away.has(id) && !returned.has(id)))
    if (open.size > 0) await waitFor(finished, options)
    return { published, silent: [...open].sort() }
  } finally {
    subscription.unsubscribe()
  }
}

async function waitFor(finished: Promise<void>, { timeoutMs, signal }: CallOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, timeoutMs)
  })
  const aborted = new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([finished, late, aborted])
  clearTimeout(timer)
}
