// A wait that others may end early. It says for what it was begun, so that nobody ends it for what it is for already.

export function createBell() {
  let end: (() => void) | undefined
  return {
    /** For what it was waited last. */
    setFor: { due: Number.POSITIVE_INFINITY, full: false },
    ring: () => end?.(),
    /** True where it was rung. */
    wait: (ms: number): Promise<boolean> =>
      new Promise(resolve => {
        const timer = setTimeout(() => resolve(false), Math.max(0, ms))
        end = () => {
          clearTimeout(timer)
          resolve(true)
        }
      }),
  }
}
