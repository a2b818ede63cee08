// A job in batches: the target is resolved once, then each group that may start is a job of its own.
import { systemClock } from '../base/clock.ts'
import { asReactorError, ReactorError } from '../base/errors.ts'
import type { Bus } from '../bus/connect.ts'
import type { JobReturn, PublishMessage } from '../protocol/job.ts'
import { batchSize, createBatch } from './batch.ts'
import { askPublish, type CallEnd, type CallOptions, callMinions } from './collect.ts'
import type { CallHandlers } from './gathering.ts'
import { type Unanswered, unanswered, unknownMinion } from './unanswered.ts'
import { createWake } from './wake.ts'

export interface BatchOptions extends CallOptions {
  /** `10` or `25%`. */
  size: string
  waitMs: number
  /** Start no more once one has failed, was lost or has not answered. */
  failhard: boolean
  newJid(): string
}

export interface BatchHandlers {
  /** The minions that match; before the first starts. */
  onResolved(minions: string[], missing: string[]): void
  onExecuting(minions: string[], jid: string): void
  onReturn(returned: JobReturn): void
  /** Of those who did not answer: why not. */
  onUnanswered(unanswered: Unanswered): void
  onChange?(running: number, left: number): void
}

interface BatchEnd {
  /** Those that were never started. */
  left: readonly string[]
  /** Jobs that still ran when the caller stopped to wait. */
  openJids: string[]
}

/** Resolves when all have ended, or when `signal` aborts. Throws `usage`, `no_minions` and the refusals of `<ns>.publish`. */
export async function runBatch(
  bus: Bus,
  request: PublishMessage,
  handlers: BatchHandlers,
  options: BatchOptions,
): Promise<BatchEnd> {
  const { clock = systemClock, signal } = options
  batchSize(options.size, 1)
  const resolved = await askPublish<{ minions: string[]; missing: string[] }>(
    bus,
    { ...request, resolve: true },
    options.user,
  )
  const { minions, missing } = resolved
  if (minions.length === 0) throw new ReactorError('no_minions', 'no minions matched the target', { missing })
  handlers.onResolved(minions, missing)
  const { tgt: _tgt, tgt_type: _type, subset: _subset, ...job } = request
  const batch = createBatch(minions, batchSize(options.size, minions.length), options.waitMs)
  const jobs = new Map<string, Promise<void>>()
  let failure: unknown
  const { wake, wait } = createWake(clock)

  const ended = (id: string, well: boolean) => {
    batch.ended(id, clock.now())
    if (!well && options.failhard) batch.stop()
    handlers.onChange?.(batch.running.size, batch.left.length)
    wake()
  }
  const start = async (ids: string[], jid: string) => {
    const told = new Set<string>()
    const tell = (end: CallEnd, final: boolean) => {
      for (const one of unanswered(end, jid, clock.now())) {
        if (told.has(one.id) || !(final || one.never)) continue
        told.add(one.id)
        handlers.onUnanswered(one)
        ended(one.id, false)
      }
    }
    const handle: CallHandlers = {
      onReturn(returned) {
        handlers.onReturn(returned)
        ended(returned.id, returned.success)
      },
      // Who is away or has refused gives its place to the next at once.
      onPublished: (published, standing) => tell({ published, standing }, false),
      // So does who is lost with the job in hand; it is told when its group ends, for until then its return may come.
      onChange({ gone }) {
        for (const id of gone) if (batch.running.has(id)) ended(id, false)
      },
    }
    try {
      const end = await callMinions(bus, jid, { ...job, tgt: ids, tgt_type: 'list' }, handle, options)
      if (!signal.aborted) tell(end, true)
    } catch (error) {
      // They were there when the target was resolved.
      if (asReactorError(error).code !== 'no_minions') throw error
      for (const id of ids) {
        handlers.onUnanswered(unknownMinion(id))
        ended(id, false)
      }
    }
  }
  let openJids: string[] = []
  const abandon = () => {
    openJids = [...jobs.keys()]
    batch.stop()
  }
  signal.addEventListener('abort', abandon, { once: true })
  if (signal.aborted) batch.stop()

  while (!batch.done && !signal.aborted && failure === undefined) {
    const ids = batch.take(clock.now())
    if (ids.length > 0) {
      const jid = options.newJid()
      handlers.onExecuting(ids, jid)
      const running = start(ids, jid).then(
        () => jobs.delete(jid),
        error => {
          failure = error
          jobs.delete(jid)
          batch.stop()
          wake()
        },
      )
      jobs.set(
        jid,
        running.then(() => undefined),
      )
    }
    const free = batch.nextFree(clock.now())
    await wait(free === undefined ? Number.POSITIVE_INFINITY : free - clock.now(), signal)
  }
  await Promise.all(jobs.values())
  signal.removeEventListener('abort', abandon)
  if (failure !== undefined) throw failure
  return { left: batch.left, openJids }
}
