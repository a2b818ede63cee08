// A job's log without the secrets of the minion's pillar, whatever a function writes into it.
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'

const LEVELS: ReadonlySet<string | symbol> = new Set(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
type Write = (...said: unknown[]) => void
type Hide = <T>(value: T) => T

export function hidingLog(log: Log, hide: Hide): Log {
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name === 'child') return (bindings: Record<string, unknown>) => hidingLog(target.child(hide(bindings)), hide)
      if (!LEVELS.has(name) || typeof value !== 'function') return value
      return (...said: unknown[]) =>
        (value as Write).apply(
          target,
          said.map(one => hideSaid(one, hide)),
        )
    },
  })
}

/** An error that tells a secret is written as its message alone. */
function hideSaid(said: unknown, hide: Hide): unknown {
  if (said instanceof Error) return hideError(said, hide)
  if (!isObject(said)) return hide(said)
  const fields = Object.entries(said).map(([key, value]) => [
    key,
    value instanceof Error ? hideError(value, hide) : hide(value),
  ])
  return Object.fromEntries(fields)
}

function hideError(error: Error, hide: Hide): unknown {
  const shown = `${error.stack ?? ''} ${error.cause === undefined ? '' : errorMessage(error.cause)} ${error.message}`
  return hide(shown) === shown ? error : hide(errorMessage(error))
}
