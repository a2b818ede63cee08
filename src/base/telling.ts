// What may come at any pace and is told at a bounded one: the first at once, what follows together, once a minute.

export interface Telling<T> {
  /** What comes in one call is told together. */
  add(items: readonly T[]): void
  /** Whether nothing was told within the last minute. */
  readonly idle: boolean
  /** Tells now what was held back. */
  flush(): void
  /** What was held back is not told any more. */
  stop(): void
}

const MINUTE_MS = 60_000

/**
 * `tell` hears how many came since it was last called, and the first `keep` of them. It is called at once as often as `atOnce`
 * says, and again at the end of the minute where more came.
 */
export function createTelling<T>(
  tell: (count: number, first: T[]) => void,
  { atOnce = 1, keep = 1 }: { atOnce?: number; keep?: number } = {},
): Telling<T> {
  let told = 0
  let count = 0
  let first: T[] = []
  let minute: NodeJS.Timeout | undefined

  const flush = () => {
    if (count === 0) return
    const [many, some] = [count, first]
    count = 0
    first = []
    told++
    minute ??= setTimeout(end, MINUTE_MS).unref()
    tell(many, some)
  }
  const end = () => {
    minute = undefined
    told = 0
    flush()
  }

  return {
    add(items) {
      count += items.length
      first.push(...items.slice(0, keep - first.length))
      if (told < atOnce) flush()
    },
    get idle() {
      return minute === undefined
    },
    flush,
    stop() {
      clearTimeout(minute)
      count = 0
      first = []
    },
  }
}
