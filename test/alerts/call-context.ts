// What an alert's function gets to work with, outside of any process: a context with fixed key, profiles and a kept log.
import { Writable } from 'node:stream'
import pino from 'pino'
import type { CallContext, Profiles } from '../../src/functions/context.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'

export interface Setting {
  key?: string
  smtp?: Record<string, object>
  http?: Record<string, object>
  signal?: AbortSignal
}

export function createContext(setting: Setting = {}): ExecutionContext & { logged(): string } {
  let lines = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines += String(chunk)
      done()
    },
  })
  const context: CallContext & { logged(): string } = {
    jid: '20260101000000000000',
    user: 'test',
    key: setting.key ?? 'event-1/rule/0',
    log: pino({ level: 'trace' }, sink),
    signal: setting.signal ?? new AbortController().signal,
    fire: async () => {},
    profiles: { smtp: (setting.smtp ?? {}) as Profiles, http: (setting.http ?? {}) as Profiles },
    docs: () => [],
    logged: () => lines,
  }
  // An alert uses nothing beyond what every kind of function has.
  return context as ExecutionContext & { logged(): string }
}
