// When each key's time runs out, the earliest first. A key whose time moves back is found by its old place and put on, so
// that a key that is moved a thousand times has one place and not a thousand. Places of keys that have no deadline any more go
// where there are too many of them.

export interface Deadlines {
  set(key: string, at: number): void
  /** When to look again: no key is due before. */
  next(): number | undefined
  /** A key that is due by `now`, which then has no deadline any more. */
  take(now: number): string | undefined
}

interface Place {
  at: number
  key: string
}

const MOST_STALE = 1000

/** `deadlineOf`: what holds for a key now; undefined: it has none. `keys`: how many there are. */
export function createDeadlines(deadlineOf: (key: string) => number | undefined, keys: () => number): Deadlines {
  let heap: Place[] = []
  /** The earliest place of each key. */
  const placed = new Map<string, number>()

  const push = (place: Place) => {
    placed.set(place.key, place.at)
    let index = heap.push(place) - 1
    for (; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!isBefore(place, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = place
  }
  const pop = (): Place => {
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let index = 0
      for (;;) {
        let child = 2 * index + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
        if (!isBefore(heap[child]!, last)) break
        heap[index] = heap[child]!
        index = child
      }
      heap[index] = last
    }
    return first
  }

  const sweep = () => {
    const alive = [...placed.keys()].flatMap(key => {
      const at = deadlineOf(key)
      return at === undefined ? [] : [{ key, at }]
    })
    // In their order they are a heap.
    heap = alive.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    placed.clear()
    for (const { key, at } of heap) placed.set(key, at)
  }

  return {
    set(key, at) {
      if (heap.length > 2 * keys() + MOST_STALE) sweep()
      const before = placed.get(key)
      if (before === undefined || at < before) push({ key, at })
    },
    next: () => heap[0]?.at,
    take(now) {
      while (heap.length > 0 && heap[0]!.at <= now) {
        const { key, at } = pop()
        // A later place of a key that has an earlier one.
        if (placed.get(key) !== at) continue
        placed.delete(key)
        const deadline = deadlineOf(key)
        if (deadline === undefined) continue
        if (deadline <= now) return key
        push({ key, at: deadline })
      }
      return undefined
    },
  }
}

/** Of one time by their names, so that a heap that is built anew has them in the same order. */
const isBefore = (a: Place, b: Place): boolean => a.at < b.at || (a.at === b.at && a.key < b.key)
