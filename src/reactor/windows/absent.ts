// `absent`: fires when an event did not come. Without `until` each event of a key says that it lives, and the last one before
// the silence names the work; with `until` an event opens the wait for another. `of: minions` expects it of each minion that is
// known, from when it is first seen. A key that gives way is not expected any more, and what opened it is recorded as `window`.
import { formatStamp } from '../../protocol/event.ts'
import { formatOrigin, minionOrigin } from '../../protocol/origin.ts'
import type { ReactionEvent } from '../../protocol/reaction.ts'
import { untrustedSources } from '../../protocol/trust.ts'
import { createDeadlines } from './deadlines.ts'
import { createKeyed } from './keyed.ts'
import { type Bounds, joined, type Output, sizeOf, suppress, type Trigger, type Window, windowFact } from './window.ts'

interface Expected {
  /** Names the work; a minion that was only seen has none. */
  opener?: ReactionEvent
  latest?: Trigger
  /** Of `latest`. */
  bytes: number
  count: number
  first: number
  last: number
  /** Absent: nothing is expected until something comes. */
  deadline?: number
}

export interface AbsentOptions {
  rule: string
  time: number
  until: boolean
  ofMinions: boolean
}

export function createAbsent({ rule, time, until, ofMinions }: AbsentOptions, bounds: Bounds): Window {
  /** The one that was silent longest first. */
  const expected = createKeyed<Expected>(bounds)
  /** Minions for which there was no room. */
  const refused = new Set<string>()
  let refusals = 0
  const deadlines = createDeadlines(key => expected.get(key)?.deadline, expected.size)

  /** What opened it came to nothing. */
  const close = (one: Expected | undefined): Output[] => (one?.opener ? [suppress(one.opener, 'window')] : [])
  const put = (key: string, one: Expected): Output[] => {
    expected.delete(key)
    const gone = expected.put(key, one, one.bytes + (one.opener ? 2 * sizeOf(one.opener) : 0))
    if (one.deadline !== undefined) deadlines.set(key, one.deadline)
    return gone.flatMap(([, old]) => close(old))
  }
  /** Known and without anything expected of it. */
  const rest = (key: string) => {
    if (ofMinions) expected.put(key, { bytes: 0, count: 0, first: 0, last: 0 }, 0)
    else expected.delete(key)
  }

  const expect = (minions: ReadonlySet<string>, now: number) => {
    const outputs: Output[] = []
    let changed = false
    for (const [key, one] of expected.entries()) {
      if (minions.has(key)) continue
      outputs.push(...close(one))
      expected.delete(key)
      changed = true
    }
    for (const id of refused) if (!minions.has(id)) refused.delete(id)
    for (const id of minions) {
      if (expected.get(id)) continue
      if (expected.size() < bounds.maxKeys) {
        refused.delete(id)
        put(id, { bytes: 0, count: 0, first: now, last: now, deadline: now + time })
        changed = true
      } else if (!refused.has(id)) {
        refused.add(id)
        refusals++
      }
    }
    return changed ? outputs : undefined
  }

  return {
    event({ trigger, key, at, now, bytes, until: ends }) {
      const before = expected.get(key)
      const passed = suppress(trigger.event, 'window')
      if (ofMinions && !before) return [passed]
      if (ends) {
        if (before) rest(key)
        return [...close(before), passed]
      }
      const one = (opener: ReactionEvent, first: number, count: number, deadline: number): Expected => ({
        opener,
        latest: trigger,
        bytes,
        count,
        first,
        last: at,
        deadline,
      })
      // Not in the past, so that what runs out does so in order.
      const deadline = Math.max(at + time, now)
      if (before?.deadline === undefined || (until && !before.opener))
        return put(key, one(trigger.event, at, 1, before?.deadline ?? deadline))
      if (until) {
        const opener = joined(before.opener!, trigger.event)
        const gone = put(key, one(opener, before.first, before.count + 1, before.deadline))
        return [...gone, passed]
      }
      // An older one, come late, says nothing new.
      if (at < before.last) return [passed]
      return [
        ...put(key, one(trigger.event, before.count === 0 ? at : before.first, before.count + 1, deadline)),
        ...close(before),
      ]
    },
    ...(ofMinions && { expect }),
    due(now) {
      const outputs: Output[] = []
      for (let key = deadlines.take(now); key !== undefined; key = deadlines.take(now)) {
        const one = expected.get(key)!
        const { opener, latest, bytes, count, first, last } = one
        const deadline = one.deadline!
        rest(key)
        const trigger = latest ?? neverSeen(rule, key, first, deadline)
        outputs.push({
          do: 'fire',
          at: deadline,
          event: opener ?? trigger.event,
          trigger,
          window: windowFact(key, count, first, last),
          bytes,
        })
      }
      return outputs
    },
    next: () => deadlines.next(),
    keys: expected.size,
    dropped: () => expected.dropped() + refusals,
    save: () => ({ expected: expected.save(), refusals }),
    restore(saved) {
      const state = saved as { expected: unknown; refusals: number }
      expected.restore(state.expected)
      refusals = state.refusals
      for (const [key, { deadline }] of expected.entries()) if (deadline !== undefined) deadlines.set(key, deadline)
    },
  }
}

/** Of a minion of which nothing has come. No sender of an event can give an id that begins like this one. */
function neverSeen(rule: string, minion: string, since: number, deadline: number): Trigger {
  const tag = `salt/minion/${minion}/absent`
  const data = { id: minion }
  return {
    event: {
      id: `seq-absent.${rule}.${minion}.${Math.floor(since)}`,
      tag,
      origin: formatOrigin(minionOrigin(minion)),
      seq: 0,
      storedMs: deadline,
      hops: 0,
    },
    data,
    stamp: formatStamp(deadline),
    sources: untrustedSources(minionOrigin(minion), tag, data),
  }
}
