// Records whose batch the store did not take, though it refused none: it may be one of them that it trips over each time, and the
// others must not wait behind it. Each goes in a batch half as large the next time, until the one is alone.

export interface Suspects {
  has(seq: number): boolean
  /** Records with which it is given at most, itself included; `most` where it is none. */
  limit(seq: number, most: number): number
  /**
   * Their batch failed. `ofStore`: that says something about the store, since not all of them have failed after it last took
   * others. `alone`: how often the one has failed by itself while the store took others of its kind in between. `isDown`: the
   * store is known to take nothing, which says nothing of them.
   */
  failed(batch: readonly One[], isDown: boolean): { ofStore: boolean; alone: number }
  /** The store has them. */
  taken(batch: readonly One[]): void
  /** It is put aside. */
  forget(seq: number): void
  /** There is one that has failed by itself while the store took others. */
  hasStubborn(): boolean
}

interface One {
  /** Of its message. */
  seq: number
  kind: string
}

interface Suspect {
  limit: number
  alone: number
  /** Batches with some of its kind that the store had taken when it failed last. */
  takenThen: number
  /** When it failed last, milliseconds. */
  at: number
}

/** No more than that are handed out at a time. */
const MOST = 20_000

/** `forgetMs`: who has not failed again by then was taken by another worker. */
export function createSuspects(forgetMs: number, now: () => number): Suspects {
  /** The first is the one that failed longest ago. */
  const suspects = new Map<number, Suspect>()
  /** Batches, by kind. */
  const taken = new Map<string, number>()

  const fail = ({ seq, kind }: One, count: number, isDown: boolean): { ofStore: boolean; alone: number } => {
    const before = suspects.get(seq)
    const takenNow = taken.get(kind) ?? 0
    const between = !isDown && before !== undefined && before.takenThen < takenNow
    const alone = count > 1 ? 0 : (before?.alone ?? 0) + (between && before.limit === 1 ? 1 : 0)
    suspects.delete(seq)
    suspects.set(seq, { limit: Math.max(1, count >> 1), alone, takenThen: takenNow, at: now() })
    if (suspects.size > MOST) suspects.delete(suspects.keys().next().value!)
    return { ofStore: !between, alone }
  }

  return {
    has: seq => suspects.has(seq),
    limit: (seq, most) => suspects.get(seq)?.limit ?? most,
    failed(batch, isDown) {
      const each = batch.map(one => fail(one, batch.length, isDown))
      return { ofStore: each.some(({ ofStore }) => ofStore), alone: each.length === 1 ? each[0]!.alone : 0 }
    },
    taken(batch) {
      for (const kind of new Set(batch.map(one => one.kind))) taken.set(kind, (taken.get(kind) ?? 0) + 1)
      for (const { seq } of batch) suspects.delete(seq)
      for (const [seq, { at }] of suspects) {
        if (now() - at < forgetMs) break
        suspects.delete(seq)
      }
    },
    forget: seq => void suspects.delete(seq),
    hasStubborn: () => [...suspects.values()].some(({ alone }) => alone > 0),
  }
}
