// The keys of one fold and what it keeps for each, in the order in which they were put. They are bounded in number and in
// bytes, so that whoever sends events fills neither the memory nor the checkpoint: where it is too much the oldest give way.
import type { Bounds } from './window.ts'

export interface Keyed<T> {
  get(key: string): T | undefined
  entries(): IterableIterator<[string, T]>
  /** A key that is there stays in its place. Gives those that gave way, the oldest first; `key` may be one of them. */
  put(key: string, value: T, bytes: number): [string, T][]
  delete(key: string): void
  size(): number
  /** Keys that have given way so far. */
  dropped(): number
  save(): unknown
  /** Only while it is empty. Throws where it was not saved here. */
  restore(saved: unknown): void
}

interface Saved<T> {
  keys: [key: string, value: T, bytes: number][]
  dropped: number
}

/** Of what one rule keeps, as JSON. */
const MOST_BYTES = 16 * 1024 * 1024
/** What a key takes beside its own text and its value. */
const KEY_BYTES = 32

export function createKeyed<T>({ maxKeys, maxBytes = MOST_BYTES }: Pick<Bounds, 'maxKeys' | 'maxBytes'>): Keyed<T> {
  const values = new Map<string, T>()
  const sizes = new Map<string, number>()
  let bytes = 0
  let dropped = 0

  const remove = (key: string) => {
    bytes -= sizes.get(key) ?? 0
    sizes.delete(key)
    values.delete(key)
  }
  const set = (key: string, value: T, size: number) => {
    bytes += size - (sizes.get(key) ?? 0)
    sizes.set(key, size)
    values.set(key, value)
  }

  return {
    get: key => values.get(key),
    entries: () => values.entries(),
    put(key, value, size) {
      set(key, value, size + key.length + KEY_BYTES)
      const gone: [string, T][] = []
      while (values.size > maxKeys || (bytes > maxBytes && values.size > 1)) {
        const oldest: [string, T] = values.entries().next().value!
        remove(oldest[0])
        gone.push(oldest)
        dropped++
      }
      return gone
    },
    delete: remove,
    size: () => values.size,
    dropped: () => dropped,
    save: (): Saved<T> => ({ keys: Array.from(values, ([key, value]) => [key, value, sizes.get(key)!]), dropped }),
    restore(saved) {
      const state = saved as Saved<T>
      for (const [key, value, size] of state.keys) set(key, value, size)
      dropped = state.dropped
    },
  }
}

/** Forgets keys from the oldest on, for as long as `over` says so of them. */
export function forget<T>(keyed: Keyed<T>, over: (value: T) => boolean): void {
  for (const [key, value] of keyed.entries()) {
    if (!over(value)) return
    keyed.delete(key)
  }
}
