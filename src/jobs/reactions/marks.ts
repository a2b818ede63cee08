// Letting go of start marks: once the ledger has the attempt it is what keeps the work from being done twice; what came from
// a queue is removed there. The marks stay for a while after that, because other workers read the ledger a moment later, and
// one that was given the same item may have stood still.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { inTurn } from '../control/in-turn.ts'

export interface Marks extends Running {
  /** Their attempt is in the ledger, or their item is out of its queue. */
  release(keys: readonly string[]): void
}

/** A worker that has looked into the ledger within half of this may begin work whose mark it does not find. */
export const RELEASE_AFTER_MS = 120_000
const LOOK_EVERY_MS = 5000
const AT_ONCE = 8
/** More than these wait for nothing: what is not let go of runs out by itself. */
const MOST = 200_000

/** `afterMs`: of monotonic time. */
export async function openMarks(
  nc: NatsConnection,
  subjects: Subjects,
  log: Log,
  afterMs = RELEASE_AFTER_MS,
): Promise<Marks> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const stream = streamNames(subjects.ns).jobs
  /** Oldest first. */
  let waiting: { key: string; since: number }[] = []
  let failing = false
  let letting: Promise<void> | undefined

  const purge = async (key: string): Promise<boolean> => {
    try {
      await jsm.streams.purge(stream, { filter: subjects.startMark(key) })
      return true
    } catch (error) {
      if (!failing) log.warn({ error: errorMessage(error) }, 'start marks cannot be removed; it is tried again')
      failing = true
      return false
    }
  }
  const letGo = async () => {
    const until = performance.now() - afterMs
    const count = waiting.findIndex(({ since }) => since > until)
    const due = waiting.splice(0, count < 0 ? waiting.length : count)
    const gone = await inTurn(due, AT_ONCE, ({ key }) => purge(key))
    const left = due.filter((_, at) => !gone[at])
    if (left.length === 0) failing = false
    waiting = [...left, ...waiting]
  }
  const timer = setInterval(
    () => {
      letting ??= letGo().finally(() => {
        letting = undefined
      })
    },
    Math.min(LOOK_EVERY_MS, afterMs),
  )
  timer.unref()

  return {
    release(keys) {
      const since = performance.now()
      for (const key of keys) if (waiting.length < MOST) waiting.push({ key, since })
    },
    async stop() {
      clearInterval(timer)
      await letting
    },
  }
}
