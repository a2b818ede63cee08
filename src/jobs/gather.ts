// Starting a job from inside CORE and waiting for its returns: for runner functions, and for minions that may ask for it.
import { ReactorError } from '../base/errors.ts'
import type { Bus } from '../bus/connect.ts'
import { gatherReturns } from '../call/collect.ts'
import type { Gathered, PublishRequest } from '../functions/context.ts'
import { createJidSource } from '../protocol/jid.ts'
import type { JobReturn } from '../protocol/job.ts'
import type { Asked, PublishJob } from './publish.ts'

export interface GatherOptions {
  timeoutMs: number
  /** Ends the wait early. */
  signal?: AbortSignal | undefined
}

export type Gather = (request: PublishRequest, asked: Asked, options: GatherOptions) => Promise<Gathered>

/** Bytes that a function gets of one return: a minion could have a service read more than its memory holds. */
const MOST_OF_RETURN = 16 * 1024 * 1024

/** Resolves when every minion that took the job has returned, or the time is up. A target that nobody matches gathers nothing. */
export function createGather(bus: Pick<Bus, 'nc' | 'subjects'>, publishJob: PublishJob): Gather {
  const newJid = createJidSource()
  return async (request, asked, { timeoutMs, signal = new AbortController().signal }) => {
    const jid = newJid()
    const returns = new Map<string, JobReturn>()
    const onReturn = (returned: JobReturn) => void returns.set(returned.id, returned)
    const { untrusted = [], ...message } = request
    const marked = { ...asked, untrusted: [...(asked.untrusted ?? []), ...untrusted] }
    const publish = () => publishJob({ ...message, jid }, marked)
    try {
      const options = { timeoutMs, signal, mostBytes: MOST_OF_RETURN }
      const { published, standing } = await gatherReturns(bus, jid, publish, { onReturn }, options)
      const { minions = [], offline = [], refused = {} } = published ?? {}
      return { jid, minions, offline, refused, returns: Object.fromEntries(returns), silent: standing.open(Date.now()) }
    } catch (error) {
      if (!(error instanceof ReactorError) || error.code !== 'no_minions') throw error
      return { jid, minions: [], offline: [], refused: {}, returns: {}, silent: [] }
    }
  }
}
