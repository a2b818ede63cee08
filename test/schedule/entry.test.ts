import { describe, expect, it } from 'vitest'
import { readEntry } from '../../src/schedule/entry.ts'
import { readSettings } from '../../src/schedule/settings.ts'
import { splayOf } from '../../src/schedule/splay.ts'
import { at, entry, iso, SETTINGS } from './helpers.ts'

describe('a schedule entry', () => {
  it('takes all of Salt', () => {
    const given = {
      function: 'state.sls',
      args: ['resource'],
      kwargs: { test: true },
      hours: 1,
      minutes: 30,
      splay: { start: 10, end: 15 },
      range: { start: '8:00am', end: '5:00pm', invert: true },
      until: '2027-01-01 00:00',
      after: '2026-01-01 00:00',
      run_on_start: true,
      maxrunning: 2,
      jid_include: true,
      return_job: 'nocache',
      metadata: { foo: 'bar' },
      returner: ['mysql', 'redis'],
      return_config: 'alternative',
      return_kwargs: { db: 'salt' },
      enabled: false,
      dry_run: true,
    }
    const { item, times, maxRunning, runOnStart, dryRun, enabled } = entry(given)
    expect(item).toEqual({ ...given, name: 'e' })
    expect({ maxRunning, runOnStart, dryRun, enabled, interval: times.interval }).toEqual({
      maxRunning: 2,
      runOnStart: true,
      dryRun: true,
      enabled: false,
      interval: 5_400_000,
    })
  })

  it("has Salt's other names, and passes over what Salt writes for itself", () => {
    const { item } = entry({
      function: undefined,
      fun: 'test.arg',
      job_args: 'one',
      job_kwargs: { a: 1 },
      seconds: 5,
      saved: true,
      _run: 1,
    })
    expect(item).toEqual({
      function: 'test.arg',
      args: ['one'],
      kwargs: { a: 1 },
      seconds: 5,
      name: 'e',
      enabled: true,
      maxrunning: 1,
      jid_include: true,
    })
  })

  it('takes durations', () => {
    expect(entry({ every: '1h30m' }).times.interval).toBe(5_400_000)
    expect(entry({ every: '5m', splay: '30s' }).splay).toEqual({ fromMs: 0, toMs: 30_000 })
  })

  it('comes once, as once_fmt has it too', () => {
    const times = entry({ once: '22.11.2026 17h', once_fmt: '%d.%m.%Y %Hh' }).times
    expect(iso(times.next(0, 0))).toBe('2026-11-22 17:00:00')
    expect(times.next(at('2026-11-22 17:00'), 0)).toBeUndefined()
    expect(iso(entry({ once: '2026-11-22T17:00:00', timezone: 'Europe/Berlin' }).times.next(0, 0))).toBe(
      '2026-11-22 16:00:00',
    )
  })

  it.each([
    [{ seconds: 5, cron: '* * * * *' }, "'seconds' and 'cron' cannot be used together"],
    [{ when: '5pm', once: '2026-11-22 17:00' }, "'when' and 'once' cannot be used together"],
    [{}, 'it says no time'],
    [{ seconds: 0.5 }, 'must be a second at least, got 0.5 s'],
    [{ seconds: -5 }, "'seconds': "],
    [{ seconds: 5, every: '5m' }, "'every' says the whole interval"],
    [{ every: 'often' }, "'often' is not a duration"],
    [{ days: 1_000_001 }, 'must be a million days at most, got 1000001 days'],
    [{ every: '99999999999d' }, 'must be a million days at most'],
    [{ once: '2026-11-22', splay: 1e300 }, 'the splay must be a million days at most'],
    [{ cron: '0,1 0 * * *', splay: '2m' }, 'a splay of 120 s is as long as the interval (60 s)'],
    [{ when: ['5pm', '17:01', '9pm'], splay: '2m' }, 'a splay of 120 s is as long as the interval (60 s)'],
    [{ once: '17:00', once_fmt: '%H:%M' }, "'%H:%M' says no date"],
    [{ seconds: 5, constructor: 1 }, "unknown option 'constructor'"],
    [{ seconds: 5, toString: 1 }, "unknown option 'toString'"],
    [{ cron: '0 0 31 2 *' }, 'never comes'],
    [{ cron: '5 *' }, 'is no cron line'],
    [
      { seconds: 5, timezone: 'Europe/Berln' },
      "there is no time zone 'Europe/Berln'; zones are such as Europe/Berlin or UTC. Did you mean 'Europe/Berlin'?",
    ],
    [{ seconds: 10, splay: 10 }, 'a splay of 10 s is as long as the interval (10 s)'],
    [{ cron: '* * * * *', splay: '2m' }, 'a splay of 120 s is as long as the interval (60 s)'],
    [{ seconds: 10, splay: { start: 5, end: 2 } }, 'the splay ends (2) before it starts (5)'],
    [{ secnds: 5 }, "unknown option 'secnds'. Did you mean 'seconds'?"],
    [{ seconds: 5, range: { start: '8:00am' } }, "'range.end' is missing"],
    [{ seconds: 5, range: { start: '8:00am', end: '2026-11-22' } }, 'give a date to both of them or to none'],
    [{ seconds: 5, range: { start: '2026-11-23', end: '2026-11-22' } }, 'the end must lie after the start'],
    [{ seconds: 5, until: '5pm' }, "'until' needs a date"],
    [
      { seconds: 5, after: '2027-01-01', until: '2026-01-01' },
      "'until' (2026-01-01) must lie after 'after' (2027-01-01)",
    ],
    [{ seconds: 5, run_after_skip_range: true }, 'needs a skip_during_range'],
    [{ seconds: 5, catch_up: 'some' }, "'catch_up'"],
    [{ seconds: 5, maxrunning: 0 }, "'maxrunning'"],
    [{ seconds: 5, function: undefined }, "'function' is missing"],
    [{ once: 'tomorrow', once_fmt: '%d.%m.%Y' }, "'tomorrow' is no time as '%d.%m.%Y' writes it, such as 01.01.1970"],
    [{ once: '1', once_fmt: '%Q' }, "'%Q' is not known there"],
    [{ seconds: 5, fun: 'test.ping' }, "'function' is given twice"],
  ])('%j is refused: %s', (given, words) => {
    expect(() => entry(given)).toThrow(words)
  })

  it('is refused in words whatever else is given', () => {
    const inItself: unknown[] = []
    inItself.push(inItself)
    const deep = Array.from({ length: 20_000 }).reduce(inner => [inner], 1)
    expect(() => entry({ seconds: Number.NaN })).toThrow('got NaN')
    expect(() => entry({ seconds: 5n })).toThrow('got 5n')
    expect(() => entry({ seconds: 5, splay: inItself })).toThrow('got <ref *1> [ [Circular *1] ]')
    expect(() => entry({ seconds: 5, splay: deep })).toThrow('got [ [ [ [Array] ] ] ]')
    expect(() => readEntry('__proto__', {}, { settings: SETTINGS, whens: {}, callOf: () => 0 })).toThrow('a name has')
  })
})

describe('a splay', () => {
  it('is the same for the same slot, differs between slots and minions, and keeps within its bounds', () => {
    const splay = { fromMs: 1000, toMs: 5000 }
    const slots = Array.from({ length: 200 }, (_, n) => splayOf(splay, 'web1', 'e', n * 60_000))
    expect(splayOf(splay, 'web1', 'e', 60_000)).toBe(slots[1])
    expect(new Set(slots).size).toBeGreaterThan(150)
    expect(splayOf(splay, 'web2', 'e', 60_000)).not.toBe(slots[1])
    expect(Math.min(...slots)).toBeGreaterThanOrEqual(1000)
    expect(Math.max(...slots)).toBeLessThanOrEqual(5000)
  })
})

describe('what holds for all entries', () => {
  it('is in force where an entry has none of its own', () => {
    expect(entry({ minutes: 1 }, { splay: 10 }).splay).toEqual({ fromMs: 0, toMs: 10_000 })
    expect(entry({ minutes: 1, splay: 5 }, { splay: 10 }).splay).toEqual({ fromMs: 0, toMs: 5000 })
    const skip = { start: '8:00am', end: '9:00am' }
    expect(entry({ minutes: 1 }, { skip_during_range: skip }).skipDuringRange?.contains(at('2026-11-22 08:30'))).toBe(
      true,
    )
  })

  it('is told where it is wrong, and the rest counts', () => {
    const wrong: string[] = []
    const settings = readSettings({ enabled: 'no', splay: 5, timezone: 'Nowhere/X' }, (name, error) =>
      wrong.push(`${name}: ${(error as Error).message}`),
    )
    expect(settings.splay).toEqual({ fromMs: 0, toMs: 5000 })
    expect(settings.enabled).toBe(true)
    expect(wrong).toEqual([
      expect.stringContaining("timezone: there is no time zone 'Nowhere/X'"),
      "enabled: must be true or false; got 'no'",
    ])
  })
})
