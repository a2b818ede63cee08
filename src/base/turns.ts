// Work of which only so much runs at once: the rest waits, in the order of the calls.

/** What still waits when its signal is aborted is not begun: it rejects with the signal's reason. */
export type Turns = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createTurns(atOnce: number): Turns {
  const waiting = new Set<() => void>()
  let running = 0

  const wait = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.delete(begin)
        reject(signal!.reason)
      }
      const begin = () => {
        waiting.delete(begin)
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      waiting.add(begin)
      signal?.addEventListener('abort', leave, { once: true })
    })

  return async (work, signal) => {
    signal?.throwIfAborted()
    if (running < atOnce) running += 1
    // Whoever ends hands its place on.
    else await wait(signal)
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next) next()
      else running -= 1
    }
  }
}
