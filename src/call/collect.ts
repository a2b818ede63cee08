// Starting a job and gathering its returns: subscribe first, publish, then wait until every minion
// that took it has ended, its times are over, or the caller waits no longer. What a lost link has swallowed comes from the
// job cache.
import { headers as createHeaders } from '@nats-io/transport-node'
import { systemClock } from '../base/clock.ts'
import { ReactorError } from '../base/errors.ts'
import type { Bus } from '../bus/connect.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requestJson } from '../bus/request.ts'
import { HEADER } from '../protocol/event.ts'
import type { Published, PublishMessage } from '../protocol/job.ts'
import { type CallHandlers, createGathering, type WaitOptions } from './gathering.ts'
import { createStanding, type Standing } from './standing.ts'

export interface CallOptions extends WaitOptions {
  /** Who asks: believed only by a server without accounts; elsewhere the server says it. */
  user: string
}

export interface CallEnd {
  /** Undefined where `signal` aborted before the job worker had answered: the job may run, or not. */
  published: Published | undefined
  standing: Standing
}

const PUBLISH_TIMEOUT_MS = 60_000
/** Room for the headers of a request, which count too. */
const HEADER_BYTES = 512

/** Asks `<ns>.publish`. Throws its refusals, and `bad_argument` where the request is larger than a message may be. */
export async function askPublish<T>(
  { nc, subjects }: Pick<Bus, 'nc' | 'subjects'>,
  request: PublishMessage,
  user: string,
): Promise<T> {
  const headers = createHeaders()
  headers.set(HEADER.user, user)
  const bytes = Buffer.byteLength(JSON.stringify(request)) + HEADER_BYTES
  const most = maxPayload(nc)
  if (bytes > most)
    throw new ReactorError(
      'bad_argument',
      `publish: a request of ${bytes} bytes is larger than a message may be (${most} bytes): give minions a file, or less`,
    )
  return requestJson<T>(nc, subjects.publish, request, { timeoutMs: PUBLISH_TIMEOUT_MS, headers, what: 'publish' })
}

/** As an operator. Throws the refusals of `<ns>.publish`. */
export function callMinions(
  bus: Bus,
  jid: string,
  request: PublishMessage,
  handlers: CallHandlers,
  options: CallOptions,
): Promise<CallEnd> {
  return gatherReturns(bus, jid, () => askPublish(bus, { ...request, jid }, options.user), handlers, options)
}

/** `publish` starts the job under that jid. Throws what it throws. */
export async function gatherReturns(
  bus: Pick<Bus, 'nc' | 'subjects'>,
  jid: string,
  publish: () => Promise<Published>,
  handlers: CallHandlers,
  options: WaitOptions,
): Promise<CallEnd> {
  const { signal, clock = systemClock } = options
  const standing = createStanding()
  const gathering = createGathering(bus, jid, standing, handlers, options)
  const { aborted, listenNoMore } = whenAborted(signal)
  try {
    await bus.nc.flush()
    const answer = publish()
    // The refusal is thrown below, unless nobody waits for it any longer.
    answer.catch(() => undefined)
    const published = await Promise.race([answer, aborted])
    if (published) {
      gathering.published(published)
      handlers.onPublished?.(published, standing)
      await gathering.untilEnd(clock.now() + options.timeoutMs)
      if (!signal.aborted && standing.open(clock.now()).length > 0) await gathering.look()
    }
    return { published, standing }
  } finally {
    gathering.stop()
    listenNoMore()
  }
}

/** A signal may be that of many calls, and outlive them. */
function whenAborted(signal: AbortSignal): { aborted: Promise<undefined>; listenNoMore(): void } {
  let listener: () => void = () => undefined
  const aborted = new Promise<undefined>(resolve => {
    listener = () => resolve(undefined)
    if (signal.aborted) listener()
    signal.addEventListener('abort', listener, { once: true })
  })
  return { aborted, listenNoMore: () => signal.removeEventListener('abort', listener) }
}
