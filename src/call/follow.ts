// Following a job that runs already, from the job cache and live events together, until nothing more is to be expected.
import { PermissionViolationError } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Bus } from '../bus/connect.ts'
import { followLink } from '../bus/link.ts'
import { createJobCache } from '../cache/client.ts'
import type { JobView } from '../protocol/job-view.ts'
import { outcomeOf } from '../protocol/lifecycle.ts'
import { askOn } from './ask-on.ts'
import { hearJob, hearPresence } from './hear.ts'
import { createStanding, type Standing } from './standing.ts'
import { createWake } from './wake.ts'

/** How often the cache is asked for what live events have not brought. */
const LOOK_MS = 5000
/** The cache stores a little later than events are told live. */
const SETTLE_MS = 300

/** Resolves once every minion is closed, or `signal` aborts; `first` is what the cache says of the job as it begins. */
export async function followJob(
  bus: Bus,
  first: JobView,
  onChange: (standing: Standing) => void,
  { signal, clock = systemClock }: { signal: AbortSignal; clock?: Clock },
): Promise<Standing> {
  const { jid } = first
  const cache = createJobCache(bus.nc, bus.subjects)
  const standing = createStanding()
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  const { wake, wait } = createWake(clock)
  const change = () => {
    if (stopped.aborted) return
    onChange(standing)
    wake()
  }
  const look = async (afterMs: number) => {
    await clock.sleep(afterMs, stopped).catch(() => undefined)
    // A cache that is away now is asked again later.
    const view = stopped.aborted ? null : await cache.job(jid, 'local').catch(() => null)
    if (!view || stopped.aborted) return
    standing.view(view)
    change()
  }
  let asking = false
  const askInstead = () => {
    if (asking) return
    asking = true
    const onView = (view: JobView) => {
      standing.view(view)
      change()
    }
    void askOn(cache, jid, onView, { clock, signal: stopped })
  }
  const live = hearJob(bus, jid, {
    onRefused: askInstead,
    onSent(sent) {
      standing.sent(sent)
      change()
    },
    onStarted(id) {
      standing.started(id)
      change()
    },
    onReturn(id, returned) {
      if (standing.ended(id, outcomeOf(returned))) change()
    },
  })
  const presence = hearPresence(bus, standing, change)
  // Runner and wheel functions tell of themselves under tags of their own.
  const others = ['run', 'wheel'].map(kind =>
    bus.nc.subscribe(`${bus.subjects.livePrefix}*.salt.${kind}.${jid}.>`, {
      callback: error => (error instanceof PermissionViolationError ? askInstead() : void look(SETTLE_MS)),
    }),
  )
  const unfollow = followLink(bus.nc, {
    up() {
      for (const ms of [0, 1000, 3000]) void look(ms)
    },
  })
  const looking = setInterval(() => void look(0), LOOK_MS)
  try {
    await bus.nc.flush()
    standing.view(first)
    onChange(standing)
    // What happened between the two is in the cache by now, or was heard.
    void look(0)
    for (;;) {
      const now = clock.now()
      const next = standing.nextClose(now, { offline: true })
      if (next === undefined || signal.aborted) return standing
      await wait(next - now + 1, signal)
      onChange(standing)
    }
  } finally {
    stop.abort()
    unfollow()
    clearInterval(looking)
    if (!bus.nc.isClosed()) for (const subscription of [live, presence, ...others]) subscription.unsubscribe()
  }
}
