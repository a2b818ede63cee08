// What a function that runs in a service may use: made for each call, and of what costs something only what it asks for.
import { setMaxListeners } from 'node:events'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { CallContext } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'

/** The context with more in it; what it has made only when asked for stays so, which a copy would not. */
export const extendContext = <C extends CallContext>(
  context: CallContext,
  more: Omit<C, keyof CallContext> & Partial<CallContext>,
): C => Object.assign(Object.create(context), more)

export interface CallContextParts {
  registry: Pick<Registry<'runner' | 'wheel'>, 'docs'>
  profiles: CallContext['profiles']
  /** Milliseconds within which a function must end. */
  runTimeoutMs: number
  log: Log
}

/**
 * Its signal aborts with `stopping`, or when the function's time is over; `end` lets go of both. To be extended by
 * `extendContext`.
 */
export function createCallContext(
  { jid, fun, user, key }: { jid: string; fun: string; user: string; key: string },
  { registry, profiles, runTimeoutMs, log }: CallContextParts,
  stopping: AbortSignal,
  fire: (tag: string, data: Record<string, unknown>) => Promise<unknown>,
): { context: CallContext; end(): void } {
  let child: Log | undefined
  let limits: { signal: AbortSignal; end(): void } | undefined
  const startedAt = performance.now()
  const context: CallContext = {
    jid,
    user,
    key,
    get log() {
      child ??= log.child({ jid, fun })
      return child
    },
    get signal() {
      limits ??= limitedBy(stopping, runTimeoutMs, performance.now() - startedAt)
      return limits.signal
    },
    profiles,
    docs: () => registry.docs(),
    fire: async (tag, data) => void (await fire(tag, data)),
  }
  return { context, end: () => limits?.end() }
}

function limitedBy(stopping: AbortSignal, ms: number, spentMs: number): { signal: AbortSignal; end(): void } {
  const own = new AbortController()
  if (stopping.aborted) {
    own.abort(stopping.reason)
    return { signal: own.signal, end: () => undefined }
  }
  // Every function in hand listens to it.
  setMaxListeners(0, stopping)
  const onStop = () => own.abort(stopping.reason)
  stopping.addEventListener('abort', onStop, { once: true })
  const over = () => own.abort(new ReactorError('timeout', `it ran for ${formatDuration(ms)} and was stopped`))
  const timer = setTimeout(over, Math.min(Math.max(0, ms - spentMs), LONGEST_TIMER_MS)).unref()
  const end = () => {
    clearTimeout(timer)
    stopping.removeEventListener('abort', onStop)
  }
  return { signal: own.signal, end }
}
