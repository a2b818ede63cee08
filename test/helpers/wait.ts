// Waiting for what happens, with a deadline: tests never sleep.

/** Far beyond what a busy machine needs, and below the time limit of a test. */
export const DEADLINE_MS = 75_000

/** The promise's value; rejects, naming what was awaited, after `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, what: string, ms = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Does it every few milliseconds until it does not fail, or fails in a way that is none of `again`; its value. */
export async function untilTaken<T>(
  what: string,
  work: () => T | Promise<T>,
  again: (error: unknown) => boolean = () => true,
  ms = DEADLINE_MS,
): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    try {
      return await within(Promise.resolve(work()), what, Math.max(end - Date.now(), 1))
    } catch (error) {
      if (!again(error)) throw error
      if (Date.now() >= end) throw new Error(`${what}: ${error}`, { cause: error })
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
}

export interface Seen<T> {
  readonly items: T[]
  push(item: T): void
  /** Resolves with the first item that fits, among those seen and those to come. */
  find(fits: (item: T) => boolean, what: string): Promise<T>
  /** Resolves once so many have been seen. */
  reach(count: number): Promise<T[]>
}

/** Collects what happens, so that a test can wait for it. */
export function createSeen<T>(): Seen<T> {
  const items: T[] = []
  const waiters = new Set<() => void>()
  const wait = <R>(look: () => R | undefined, what: string) =>
    within(
      new Promise<R>(resolve => {
        const check = () => {
          const found = look()
          if (found === undefined) return
          waiters.delete(check)
          resolve(found)
        }
        waiters.add(check)
        check()
      }),
      what,
    )
  return {
    items,
    push(item) {
      items.push(item)
      for (const check of [...waiters]) check()
    },
    find: (fits, what) => wait(() => items.find(fits), what),
    reach: count => wait(() => (items.length >= count ? items : undefined), `item ${count}`),
  }
}

/** A promise and what settles it. */
export function createGate(): { passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { passed, open: () => open() }
}
