// What a function that runs in a service may use: made for each call, and of what costs something only what it asks for.
import { setMaxListeners } from 'node:events'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { CallContext } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'

/** Puts more into the context; what is in it already under a name gives way, so whoever needs that takes it first. */
export const extendContext = <C extends CallContext>(
  context: CallContext,
  more: Omit<C, keyof CallContext> & Partial<CallContext>,
): C => Object.assign(context, more) as CallContext as C

export interface CallContextParts {
  registry: Pick<Registry<'runner' | 'wheel'>, 'docs'>
  profiles: CallContext['profiles']
  /** Milliseconds within which a function must end. */
  runTimeoutMs: number
  log: Log
}

interface Lazy {
  child: Log | undefined
  limits: { signal: AbortSignal; end(): void } | undefined
  startedAt: number
  stopping: AbortSignal
  parts: CallContextParts
}

type Made = CallContext & { fun: string; lazy: Lazy }

// One prototype for all calls: accessors of their own would make each context an object of a shape of its own.
const ASKED_FOR = {
  get log() {
    const { lazy, jid, fun } = this as unknown as Made
    lazy.child ??= lazy.parts.log.child({ jid, fun })
    return lazy.child
  },
  get signal() {
    const { lazy } = this as unknown as Made
    lazy.limits ??= limitedBy(lazy.stopping, lazy.parts.runTimeoutMs, performance.now() - lazy.startedAt)
    return lazy.limits.signal
  },
}

/** Its signal aborts with `stopping`, or when the function's time is over; `end` lets go of both. */
export function createCallContext(
  { jid, fun, user, key }: { jid: string; fun: string; user: string; key: string },
  parts: CallContextParts,
  stopping: AbortSignal,
  fire: (tag: string, data: Record<string, unknown>) => Promise<unknown>,
): { context: CallContext; end(): void } {
  const lazy: Lazy = { child: undefined, limits: undefined, startedAt: performance.now(), stopping, parts }
  const context = Object.assign(Object.create(ASKED_FOR) as Made, {
    ...{ jid, user, key, fun, lazy },
    profiles: parts.profiles,
    docs: () => parts.registry.docs(),
    fire: async (tag: string, data: Record<string, unknown>) => void (await fire(tag, data)),
  })
  return { context, end: () => lazy.limits?.end() }
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
