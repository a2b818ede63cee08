// Which minions are there: those heard from within their limit. Pure: it has no timers, and times are the caller's.
//
// The limit is one for all, but for a minion whose heartbeats came with larger gaps while its process lived: its network is
// slow, and it gets twice the largest gap that was seen of late. So it is lost by mistake once at most, and not again and again.
// A gap during which the process was started anew says nothing of the network, hence the session in a heartbeat.

export interface PresenceTable {
  /** `session` names the process of the minion; without one its gaps are not learned from. */
  beat(id: string, session: string | undefined, now: number): void
  /** Forgets those that have been silent for longer than their limit; how many that were. */
  judge(now: number): number
  /** Nobody could be heard for a while: everybody who is there gets the whole limit again. */
  renew(now: number): void
  /**
   * Takes those that were there before this table was as heard when it began to listen. Of those that it knows, or would have
   * heard by now, it knows better.
   */
  adopt(ids: Iterable<string>, slow: Readonly<Record<string, number>>, now: number): void
  /**
   * Another has judged until now, and these were there for it. Whom it did not count among them is lost here too until its
   * next heartbeat, but for those whose last one was of late: the other may not have come to say so.
   */
  concede(there: Iterable<string>, now: number): void
  /** Sorted; the same list for as long as nothing has changed. */
  present(): readonly string[]
  /** The largest gap of each that has a limit of its own, milliseconds. */
  slow(): Record<string, number>
}

interface Heard {
  at: number
  session: string | undefined
  /** From before this table: by which process, it will say. */
  adopted: boolean
  /** Not since it was adopted, or since nobody could be heard. */
  unheard: boolean
  /** Those that ask for more than the usual limit, with when they ended. */
  gaps: { ms: number; ended: number }[]
  limit: number
  lost: boolean
}

/** Times the usual limit, at most: what is silent for longer is away, however slow its network is. */
const MOST_LIMITS = 4
/** Times the usual limit for which a gap is remembered: five minutes as it comes. */
const REMEMBERED_LIMITS = 12

export function createPresenceTable(limitMs: number): PresenceTable {
  const minions = new Map<string, Heard>()
  const most = MOST_LIMITS * limitMs
  let since = 0
  let sorted: readonly string[] | undefined = []

  const limitOf = (gaps: Heard['gaps']): number => Math.min(most, Math.max(limitMs, ...gaps.map(({ ms }) => 2 * ms)))
  const learn = (heard: Heard, now: number): void => {
    if (heard.gaps.length === 0 && now - heard.at <= limitMs / 2) return
    heard.gaps = heard.gaps.filter(({ ended }) => now - ended <= REMEMBERED_LIMITS * limitMs)
    if (now - heard.at > limitMs / 2) heard.gaps.push({ ms: Math.round(now - heard.at), ended: now })
    heard.limit = limitOf(heard.gaps)
  }

  return {
    beat(id, session, now) {
      const heard = minions.get(id)
      if (!heard) {
        minions.set(id, { at: now, session, adopted: false, unheard: false, gaps: [], limit: limitMs, lost: false })
        sorted = undefined
        return
      }
      if (heard.adopted) heard.adopted = false
      else if (session !== undefined && session === heard.session) learn(heard, now)
      else {
        heard.gaps = []
        heard.limit = limitMs
      }
      if (heard.lost) sorted = undefined
      Object.assign(heard, { at: now, session, unheard: false, lost: false })
    },
    judge(now) {
      let lost = 0
      for (const [id, heard] of minions) {
        const silent = now - heard.at
        if (!heard.lost && silent > heard.limit) {
          heard.lost = true
          lost++
        }
        // Until then its next heartbeat tells of a gap.
        if (heard.lost && silent > most) minions.delete(id)
      }
      if (lost > 0) sorted = undefined
      return lost
    },
    renew(now) {
      since = now
      for (const heard of minions.values()) if (!heard.lost) Object.assign(heard, { at: now, unheard: true })
    },
    adopt(ids, slow, now) {
      for (const id of ids) {
        if (minions.has(id)) continue
        const gaps = Object.hasOwn(slow, id) ? [{ ms: slow[id]!, ended: since }] : []
        const limit = limitOf(gaps)
        if (now - since > limit) continue
        minions.set(id, { at: since, session: undefined, adopted: true, unheard: true, gaps, limit, lost: false })
        sorted = undefined
      }
    },
    concede(there, now) {
      const known = new Set(there)
      for (const [id, heard] of minions) {
        if (heard.lost || known.has(id)) continue
        // Twice in a limit a heartbeat comes, and clocks of two masters differ by less.
        if (!heard.unheard && now - heard.at <= limitMs / 2) continue
        heard.lost = true
        sorted = undefined
      }
    },
    present() {
      sorted ??= [...minions].flatMap(([id, { lost }]) => (lost ? [] : [id])).sort()
      return sorted
    },
    slow: () =>
      Object.fromEntries(
        [...minions]
          .filter(([, { lost, limit }]) => !lost && limit > limitMs)
          .map(([id, { gaps }]) => [id, Math.max(...gaps.map(({ ms }) => ms))]),
      ),
  }
}
