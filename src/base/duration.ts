// Durations as people write them (`500ms`, `30s`, `5m`, `2h`, `1d`, `1h30m`) to milliseconds, and back.
import { ReactorError } from './errors.ts'

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/** Milliseconds of `5m`, `1h30m`; a bare number is seconds, as everywhere in Salt. Throws `bad_argument`. */
export function parseDuration(text: string | number): number {
  if (typeof text === 'number' || /^\d+(\.\d+)?$/.test(text)) {
    const seconds = Number(text)
    if (Number.isFinite(seconds) && seconds >= 0) return Math.round(seconds * 1000)
  } else if (WHOLE.test(text)) {
    let total = 0
    for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNITS[unit!]!
    return Math.round(total)
  }
  throw new ReactorError('bad_argument', `'${text}' is not a duration: write for example 500ms, 30s, 5m, 2h or 1d`)
}

/** Short form for people: `850ms`, `12s`, `5m`, `3h`, `2d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}s`
  if (ms < 120_000) return `${Math.round(ms / 1000)}s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)}m`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)}h`
  return `${Math.round(ms / 86_400_000)}d`
}
