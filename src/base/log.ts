// Logs go to stderr: lines for people by default, JSON lines with `format: json`. Secrets are removed by key name.
import pino from 'pino'
import pretty from 'pino-pretty'
import { redactSecrets } from './redact.ts'

export type Log = pino.Logger
export type LogFormat = 'text' | 'json'
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace'
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const satisfies LogLevel[]

/** An error as pino writes one; a failure that was turned into its sentence before stays that. */
const error = (value: unknown): unknown => (value instanceof Error ? pino.stdSerializers.err(value) : value)

export function createLog(process: string, level: LogLevel = 'info', format: LogFormat = 'text'): Log {
  const options: pino.LoggerOptions = {
    name: process,
    level,
    base: { name: process },
    serializers: { error, err: error },
    formatters: { log: redactLogged },
  }
  if (format === 'json') return pino(options, pino.destination({ dest: 2, sync: true }))
  return pino(
    options,
    pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true }),
  )
}

/** What is logged beside the message, without secrets; errors are left to their serializer. */
function redactLogged(fields: Record<string, unknown>): Record<string, unknown> {
  const errors = Object.entries(fields).filter(([, value]) => value instanceof Error)
  return { ...(redactSecrets(fields) as Record<string, unknown>), ...Object.fromEntries(errors) }
}

/** A log that says nothing, for tests and for commands that print their own answers. */
export const silentLog: Log = pino({ level: 'silent' })
