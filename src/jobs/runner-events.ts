// Events as a runner function hears them: those that the operator who asked may read.
import type { NatsConnection } from '@nats-io/transport-node'
import { isRepublished, rawFromLive } from '../bus/raw.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import { createTagCheck } from '../operators/may.ts'
import { readEvent } from '../protocol/event.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { Subjects } from '../protocol/subject.ts'
import { tagToTokens } from '../protocol/tag.ts'
import type { FunctionCall } from './run-function.ts'

export function runnerEvents(
  { nc, subjects }: { nc: NatsConnection; subjects: Subjects },
  { grants }: Pick<FunctionCall, 'grants'>,
): RunnerContext['hear'] {
  return async (glob, onEvent, signal) => {
    const matches = createFnmatch(glob)
    const mayRead = grants ? createTagCheck(grants().read) : () => true
    const prefix = subjects.livePrefix
    const heard = nc.subscribe(`${prefix}*.${fixedTokens(glob)}>`, {
      callback: (error, message) => {
        if (error || !isRepublished(message)) return
        const read = readEvent(prefix, rawFromLive(message))
        if (!read.ok || !read.event.believed) return
        const { tag, data } = read.event
        if (matches(tag) && mayRead(tag)) onEvent({ tag, data })
      },
    })
    const end = () => heard.unsubscribe()
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    await nc.flush()
  }
}

/** The whole segments before the first that a glob leaves open: the server sorts out the rest of the tags. */
function fixedTokens(glob: string): string {
  const segments = glob.split('/')
  const open = segments.findIndex(segment => /[*?[]/.test(segment))
  const fixed = segments.slice(0, open < 0 ? segments.length - 1 : open)
  return fixed.length === 0 ? '' : `${tagToTokens(fixed.join('/'))}.`
}
