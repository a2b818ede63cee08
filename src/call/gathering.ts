// Gathering the returns of one job: hears live events, reads what they have not brought from the job cache, and hands on
// each return once.
import { type Clock, systemClock } from '../base/clock.ts'
import type { Bus } from '../bus/connect.ts'
import { followLink } from '../bus/link.ts'
import { createJobCache } from '../cache/client.ts'
import { fetchWholeOrSay } from '../payload/fetch.ts'
import type { JobReturn, Published } from '../protocol/job.ts'
import type { JobView } from '../protocol/job-view.ts'
import { outcomeOf } from '../protocol/lifecycle.ts'
import { askOn } from './ask-on.ts'
import { hearJob, hearPresence } from './hear.ts'
import type { Standing } from './standing.ts'
import { createWake } from './wake.ts'

export interface CallHandlers {
  /** The job is published: who is offline or refused it is known. */
  onPublished?(published: Published, standing: Standing): void
  /** Once for each minion that the job is for, with the whole return. */
  onReturn(returned: JobReturn): void
  /** Where the job stands has changed. */
  onChange?(standing: Standing): void
}

export interface WaitOptions {
  /** How long to wait for returns after the publish. */
  timeoutMs: number
  /** Aborts when the caller waits no longer; the job goes on. */
  signal: AbortSignal
  /** Of a larger return only a note is given; default: no limit. */
  mostBytes?: number
  clock?: Clock
}

/** A minion that ends a job because its time is over tells of it a little later. */
const GRACE_MS = 5000
/** How often the job cache is asked for what live events have not brought. */
const LOOK_MS = 10_000

export function createGathering(
  bus: Pick<Bus, 'nc' | 'subjects'>,
  jid: string,
  standing: Standing,
  handlers: CallHandlers,
  options: WaitOptions,
) {
  const { signal, clock = systemClock } = options
  const cache = createJobCache(bus.nc, bus.subjects)
  /** Returns that came before it was known whom the job is for. */
  const early = new Map<string, JobReturn>()
  const fetching = new Map<string, Promise<void>>()
  let answered = false
  const stop = new AbortController()
  let stopped = false
  const { wake, wait } = createWake(clock)

  const change = () => {
    if (stopped) return
    handlers.onChange?.(standing)
    if (!standing.waits) wake()
  }
  const give = (id: string, returned: JobReturn) => {
    if (stopped || !standing.ended(id, outcomeOf(returned))) return
    handlers.onReturn({ ...returned, id })
    change()
  }
  const take = (id: string, returned: JobReturn) => {
    if (!standing.expected) return void early.set(id, returned)
    if (!standing.expected.has(id) || fetching.has(id)) return
    if (!returned.payload) return give(id, returned)
    fetching.set(
      id,
      fetchWholeOrSay(bus, { ...returned, id }, options.mostBytes).then(whole => give(id, whole)),
    )
  }
  const expect = (minions: readonly string[], deadline: number, runUntil: number) => {
    standing.expect(minions, { deadline, runUntil })
    for (const [id, returned] of early) take(id, returned)
    early.clear()
  }

  const subscription = hearJob(bus, jid, {
    onNew: ({ minions, deadline, run_until }) => {
      if (!standing.expected) expect(minions, deadline, run_until)
    },
    onStarted(id) {
      standing.started(id)
      change()
    },
    onReturn: take,
    onRefused: () => void askOn(cache, jid, takeView, { clock, signal: stop.signal }),
  })

  const presence = hearPresence(bus, standing, change)

  const takeReturns = (view: JobView) => {
    for (const [id, { at: _at, ...returned }] of Object.entries(view.returns)) take(id, asReturn(view, id, returned))
  }
  /** As the live events would have told it. */
  const takeView = (view: JobView) => {
    if (!standing.expected) expect(view.minions, view.deadline, view.run_until)
    for (const [id, state] of Object.entries(view.states)) if (state === 'running') standing.started(id)
    takeReturns(view)
    change()
  }

  /** Asks the cache. Without one, live events and the answer to the publish are all there is. */
  const look = async () => {
    const view = await cache.job(jid, 'local').catch(() => null)
    if (stopped || !view) return
    takeReturns(view)
    await Promise.all(fetching.values())
    change()
  }
  const lookSoon = async () => {
    // The cache has been away too, and stores a little later than events are told live.
    for (const ms of [0, 1000, 3000]) {
      await clock.sleep(ms)
      if (!stopped && answered) await look()
    }
  }
  const unfollow = followLink(bus.nc, { up: () => void lookSoon() })
  const looking = setInterval(() => {
    if (answered) void look()
  }, LOOK_MS)

  return {
    look,
    published(published: Published) {
      expect(published.minions, published.deadline, published.run_until)
      standing.sent(published)
      answered = true
      change()
    },
    /** Until nothing more is to be expected (who is lost may come back, but not soon), at the latest at that time. */
    async untilEnd(latest: number): Promise<void> {
      for (;;) {
        const now = clock.now()
        const close = standing.nextClose(now - GRACE_MS)
        if (signal.aborted || close === undefined || now >= latest) return
        await wait(Math.min(latest, close + GRACE_MS + 1) - now, signal)
      }
    },
    stop() {
      stopped = true
      stop.abort()
      clearInterval(looking)
      unfollow()
      if (!bus.nc.isClosed()) for (const one of [subscription, presence]) one.unsubscribe()
    },
  }
}

const asReturn = (
  view: JobView,
  id: string,
  returned: Pick<JobReturn, 'return' | 'retcode' | 'success'>,
): JobReturn => ({
  ...returned,
  id,
  jid: view.jid,
  fun: view.fun,
  fun_args: view.arg,
  cmd: '_return',
})
