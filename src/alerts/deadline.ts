// One signal for a whole call: it aborts when the job is stopped or when the call's own time is up, and knows which.

export interface Deadline {
  readonly signal: AbortSignal
  /** True once the call's own time was up, false where the job itself was stopped. */
  expired(): boolean
  /** Ends the timer and lets go of the parent; call it in `finally`. */
  clear(): void
}

/** A signal that follows `parent` and aborts by itself after `ms` milliseconds. */
export function createDeadline(parent: AbortSignal, ms: number): Deadline {
  const controller = new AbortController()
  let expired = false
  const follow = () => controller.abort(parent.reason)
  const timer = setTimeout(() => {
    expired = true
    controller.abort(new Error('time is up'))
  }, ms)
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    expired: () => expired,
    clear() {
      clearTimeout(timer)
      parent.removeEventListener('abort', follow)
    },
  }
}
