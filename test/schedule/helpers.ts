// What tests of schedules share: entries read as a minion reads them, and times written short.
import { DateTime } from 'luxon'
import { type Entry, readEntry } from '../../src/schedule/entry.ts'
import { readSettings } from '../../src/schedule/settings.ts'

export const SETTINGS = { enabled: true, zone: 'UTC' } as const

export function entry(given: Record<string, unknown>, more: Record<string, unknown> = {}): Entry {
  const settings = readSettings({ timezone: 'UTC', ...more }, (name, error) => {
    throw new Error(`${name}: ${error}`)
  })
  return readEntry('e', { function: 'test.ping', ...given }, { settings, whens: {}, callOf: item => item.function })
}

/** `2026-11-22 17:00` in UTC, or of a zone. */
export const at = (text: string, zone = 'utc'): number => {
  const time = DateTime.fromSQL(text, { zone })
  if (!time.isValid) throw new Error(`'${text}' is no time`)
  return time.toMillis()
}

export const iso = (ms: number | undefined, zone = 'utc'): string | undefined =>
  ms === undefined ? undefined : (DateTime.fromMillis(ms, { zone }).toFormat('yyyy-MM-dd HH:mm:ss') as string)
