// Stored events between two times, the oldest or the newest first, in pages: however many there are, few are held at once.
import type { Clock } from '../base/clock.ts'
import { asReactorError, ReactorError } from '../base/errors.ts'
import type { SeenEvent } from '../cache/history.ts'
import type { AskHistory } from './history.ts'

/** Sequences, both included; none where `to` is less than `from`. */
export interface Range {
  from: number
  to: number
}

const PATIENCE_MS = 5000
const RETRY_MS = 250
const PAGE = 1000
/** Sequences that a run backwards goes over, however many of them may be read. */
export const RUN = PAGE

/** Asks again for a moment where nothing answers: a cache worker may be starting anew. */
export const askPatiently =
  (ask: AskHistory, clock: Clock): AskHistory =>
  async request => {
    const giveUp = clock.now() + PATIENCE_MS
    for (;;) {
      try {
        return await ask(request)
      } catch (error) {
        if (asReactorError(error).code !== 'unreachable' || clock.now() >= giveUp) throw error
        await clock.sleep(RETRY_MS)
      }
    }
  }

/** What was stored from `since` to `until`, milliseconds since the epoch, both included; as the store is now. */
export async function findRange(
  ask: AskHistory,
  { since, until }: { since?: number | undefined; until?: number | undefined },
): Promise<Range> {
  const { next_seq: first, last_seq: last } = await ask({ after_seq: 0, limit: 1 })
  return {
    from: since === undefined ? first : await firstSince(ask, since),
    to: until === undefined ? last : (await firstSince(ask, until + 1)) - 1,
  }
}

/** Sequence of the first event that was stored then or later; where there is none, of the one that will be next. */
async function firstSince(ask: AskHistory, since: number): Promise<number> {
  const { events, next_seq, last_seq } = await ask({ since: Math.max(0, Math.ceil(since)), limit: 1 })
  // The last one may be there and not be shown: that it is left out changes nothing.
  return events.length === 0 && next_seq >= last_seq ? last_seq + 1 : next_seq
}

/** In the order in which they were stored. Throws what history answers, and `not_found` where another store has taken its place. */
export async function* storedEvents(ask: AskHistory, { from, to }: Range): AsyncGenerator<SeenEvent[]> {
  for (let after = Math.max(0, from - 1); after < to; ) {
    const page = await ask({ after_seq: after, limit: Math.min(PAGE, to - after) })
    if (page.last_seq < after)
      throw new ReactorError('not_found', 'the event store has begun anew while it was read: what it had is gone')
    yield page.events.filter(({ seq }) => seq <= to)
    after = page.next_seq > after ? page.next_seq : to
  }
}

/** The newest first in runs, each run in the order in which it was stored. Throws as `storedEvents`. */
export async function* storedEventsBackwards(ask: AskHistory, { from, to }: Range): AsyncGenerator<SeenEvent[]> {
  for (let high = to; high >= from; high -= RUN) {
    const run: SeenEvent[] = []
    for await (const events of storedEvents(ask, { from: Math.max(from, high - RUN + 1), to: high }))
      run.push(...events)
    yield run
  }
}
