import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPhrase } from '../../src/schedule/phrase.ts'
import { atPhrases, cronTimes, everyMs, type Times, within } from '../../src/schedule/times.ts'
import { at, iso } from './helpers.ts'

const take = (times: Times, from: number, count: number, zone = 'utc', since = 0) => {
  const out: (string | undefined)[] = []
  for (let ms: number | undefined = from; ms !== undefined && out.length < count; ) {
    ms = times.next(ms, since)
    if (ms !== undefined) out.push(iso(ms, zone))
  }
  return out
}

describe('an interval', () => {
  it('counts from when it was first seen, and never drifts', () => {
    const since = at('2026-11-22 12:00:01')
    expect(take(everyMs(5000), since, 3, 'utc', since)).toEqual(
      ['06', '11', '16'].map(second => `2026-11-22 12:00:${second}`),
    )
    expect(take(everyMs(5000), since + 7300, 1, 'utc', since)).toEqual(['2026-11-22 12:00:11'])
  })

  it('gives one after another what it gives at once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 100_000 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: -50_000, max: 500_000 }),
        fc.integer({ min: 0, max: 2_000_000 }),
        fc.integer({ min: 1, max: 50 }),
        (interval, since, after, length, most) => {
          const times = everyMs(interval)
          const walked: number[] = []
          for (let ms = times.next(since + after, since)!; ms <= since + after + length; ms = times.next(ms, since)!)
            walked.push(ms)
          const { count, newest } = times.between(since + after, since + after + length, since, most)
          expect(count).toBe(walked.length)
          expect(newest).toEqual(walked.slice(-most))
        },
      ),
    )
  })
})

describe('a cron line', () => {
  it('comes at its minutes', () => {
    expect(take(cronTimes('*/15 3 * * *', 'UTC'), at('2026-11-22 03:20'), 3)).toEqual([
      '2026-11-22 03:30:00',
      '2026-11-22 03:45:00',
      '2026-11-23 03:00:00',
    ])
  })

  it('is on the wall clock of its zone, over a change to summer time and back', () => {
    const daily = cronTimes('30 2 * * *', 'Europe/Berlin')
    expect(take(daily, at('2026-03-28 12:00'), 3, 'Europe/Berlin')).toEqual([
      '2026-03-29 03:00:00',
      '2026-03-30 02:30:00',
      '2026-03-31 02:30:00',
    ])
    expect(take(daily, at('2026-10-24 12:00'), 2, 'Europe/Berlin')).toEqual([
      '2026-10-25 02:30:00',
      '2026-10-26 02:30:00',
    ])
    const hourly = cronTimes('30 * * * *', 'Europe/Berlin')
    // Every hour that there is: two of them are called two o'clock.
    expect(take(hourly, at('2026-10-25 00:00'), 3)).toEqual([
      '2026-10-25 00:30:00',
      '2026-10-25 01:30:00',
      '2026-10-25 02:30:00',
    ])
  })

  it.each(['', '* * * *', '61 * * * *', '* * * * * *', 'every minute', '* * * * 9'])('%j is none', line => {
    expect(() => cronTimes(line, 'UTC')).toThrow(/is no cron line \(minute hour day month weekday\)/)
  })

  it('knows the short names', () => {
    expect(take(cronTimes('@daily', 'UTC'), at('2026-11-22 12:00'), 1)).toEqual(['2026-11-23 00:00:00'])
  })
})

describe('several times', () => {
  it('come in order, each once', () => {
    const times = atPhrases(['Monday 5pm', '6:00', '2026-11-23 07:00', '6:00am'], 'UTC')
    expect(take(times, at('2026-11-22 12:00'), 4)).toEqual([
      '2026-11-23 06:00:00',
      '2026-11-23 07:00:00',
      '2026-11-23 17:00:00',
      '2026-11-24 06:00:00',
    ])
  })
})

describe('very many times', () => {
  it('are counted up to thousands, and the newest of them are the newest', () => {
    const to = at('2026-11-22 12:00')
    for (const times of [
      cronTimes('* * * * *', 'Europe/Berlin'),
      cronTimes('*/7 3-5 * * *', 'UTC'),
      atPhrases(['Monday 5pm', '6:00', '6:00:30'], 'UTC'),
    ]) {
      const { count, newest } = times.between(at('2006-01-01 00:00'), to, 0, 20)
      expect(count).toBe(5000)
      expect(newest).toHaveLength(20)
      expect(times.next(newest.at(-1)!, 0)).toBeGreaterThan(to)
      for (const [n, one] of newest.slice(1).entries()) expect(times.next(newest[n]!, 0)).toBe(one)
    }
  })

  it('of a long list come as each of them does by itself, wherever it is asked', () => {
    const texts = Array.from({ length: 60 }, (_, n) => `${['Mon', 'Thu', ''][n % 3]} ${n % 24}:${10 + (n % 50)}`)
    const times = atPhrases([...texts, '2026-11-23 07:00'], 'Europe/Berlin')
    const alone = [...texts, '2026-11-23 07:00'].map(text => readPhrase(text, 'Europe/Berlin'))
    fc.assert(
      fc.property(fc.integer({ min: at('2026-11-01 00:00'), max: at('2026-12-20 00:00') }), ms => {
        expect(times.next(ms, 0)).toBe(Math.min(...alone.map(phrase => phrase.next(ms) ?? Number.POSITIVE_INFINITY)))
      }),
    )
  })
})

describe('between two dates', () => {
  it('nothing comes before the first or after the second, and what comes on them does', () => {
    const times = within(everyMs(3_600_000), at('2026-11-22 10:00'), at('2026-11-22 12:00'))
    expect(take(times, 0, 9)).toEqual(['10', '11', '12'].map(hour => `2026-11-22 ${hour}:00:00`))
    expect(times.between(0, at('2027-01-01 00:00'), 0, 10).count).toBe(3)
  })
})
