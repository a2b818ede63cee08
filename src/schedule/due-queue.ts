// What is due when: a heap, so that ten thousand entries that wait cost nothing. One that is given another time is in it under
// both; the one that holds is known by the item.
export interface DueQueue<T> {
  add(item: T, at: number): void
  /** The earliest time; infinity where there is none. */
  next(): number
  /** Takes out all whose time has come. */
  take(now: number): T[]
}

interface Node<T> {
  at: number
  item: T
}

/** `atOf`: the time that holds for an item. */
export function createDueQueue<T>(atOf: (item: T) => number): DueQueue<T> {
  const heap: Node<T>[] = []

  const swap = (a: number, b: number) => {
    const one = heap[a]!
    heap[a] = heap[b]!
    heap[b] = one
  }
  const pop = (): Node<T> => {
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right
      if (least === at) return top
      swap(at, least)
      at = least
    }
  }
  const isOver = ({ at, item }: Node<T>) => atOf(item) !== at
  const clear = () => {
    while (heap.length > 0 && isOver(heap[0]!)) pop()
  }

  return {
    add(item, time) {
      heap.push({ at: time, item })
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1
        if (heap[parent]!.at <= heap[at]!.at) return
        swap(at, parent)
        at = parent
      }
    },
    next() {
      clear()
      return heap[0]?.at ?? Number.POSITIVE_INFINITY
    },
    take(now) {
      const due = new Set<T>()
      for (clear(); heap.length > 0 && heap[0]!.at <= now; clear()) due.add(pop().item)
      return [...due]
    },
  }
}
