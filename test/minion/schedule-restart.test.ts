import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createPlace, NOW } from './schedule-place.ts'

const MINUTE = 60_000

describe("a minion's schedule, over restarts", () => {
  it('goes on where it was: intervals count on, and what calls have changed stays', async () => {
    const { start, clock, nthReturn } = await createPlace()
    const config = { a: { function: 'test.ping', minutes: 10 }, gone: { function: 'test.ping', minutes: 10 } }
    const first = await start(config)
    expect(await first.add('b', { function: 'test.arg', minutes: 10 })).toMatchObject({ result: true })
    await first.add('c', { function: 'test.ping', minutes: 10 }, { persist: false })
    await first.delete('gone')
    await first.disable_job('a')
    await first.enable_job('a')
    await clock.turn(4 * MINUTE)
    await first.close()
    await clock.turn(MINUTE)
    const { list, show_next_fire_time } = await start(config)
    expect(Object.keys(list({ return_yaml: false })).sort()).toEqual(['a', 'b'])
    expect(show_next_fire_time('b').next_fire_time).toBe('2026-11-20T09:28:20')
    await clock.turn(5 * MINUTE)
    await Promise.all([nthReturn('a', 1), nthReturn('b', 1)])
  })

  it.each([
    ['none', []],
    ['last', [3]],
    ['all', [1, 2, 3]],
  ])('catches up with what was missed: %s', async (catch_up, minutes) => {
    const { start, clock, returns, skips, returnsOf } = await createPlace()
    const config = { a: { function: 'test.ping', minutes: 1, catch_up } }
    await (await start(config)).close()
    await clock.turn(3.5 * MINUTE)
    await start(config)
    await clock.turn(0)
    if (minutes.length < 3)
      expect((await skips.reach(1))[0]?.data).toMatchObject({ reason: 'missed', count: 3 - minutes.length })
    await returns.reach(minutes.length)
    await clock.turn(MINUTE)
    await returns.reach(minutes.length + 1)
    expect(returnsOf('a').map(({ data }) => data.jid.slice(0, 12))).toEqual(
      [...minutes, 4].map(minute => `2026112009${18 + minute}`),
    )
  })

  it('says of a run that died with the minion that it died, and runs the entry again at its next time', async () => {
    const { dir, start, clock, started, nthReturn, gate } = await createPlace()
    const config = { a: { function: 'gate.wait', minutes: 1 } }
    const { close } = await start(config)
    await clock.turn(MINUTE)
    const [jid] = await started.reach(1)
    const [jobs, schedule] = await Promise.all([readFile(join(dir, 'jobs')), readFile(join(dir, 'schedule'))])
    gate.open()
    await close()
    // As kill -9 leaves them.
    await Promise.all([writeFile(join(dir, 'jobs'), jobs), writeFile(join(dir, 'schedule'), schedule)])
    await start(config)
    await nthReturn('a', 2)
    expect(await nthReturn('a', 2)).toMatchObject({ jid, schedule: 'a', outcome: 'died', success: false })
    await clock.turn(MINUTE)
    expect((await nthReturn('a', 3)).success).toBe(true)
  })

  it('runs once what was taken as the minion died, before it had written that down', async () => {
    const { dir, start, clock, nthReturn, returnsOf } = await createPlace()
    const config = { a: { function: 'test.ping', minutes: 1, catch_up: 'all' } }
    await (await start(config)).close()
    const before = await readFile(join(dir, 'schedule'), 'utf8')
    expect(before).toMatch(new RegExp(`"last":${NOW}\\b`))
    const { close } = await start(config)
    await clock.turn(MINUTE)
    const first = await nthReturn('a', 1)
    await close()
    expect(await readFile(join(dir, 'schedule'), 'utf8')).toMatch(new RegExp(`"last":${NOW + MINUTE}\\b`))
    await writeFile(join(dir, 'schedule'), before)
    await start(config)
    await clock.turn(MINUTE)
    expect((await nthReturn('a', 2)).jid).not.toBe(first.jid)
    expect(returnsOf('a')).toHaveLength(2)
  })

  it('forgets an entry that is deleted: another one of its name begins anew', async () => {
    const { start, clock, skips, nthReturn } = await createPlace()
    const first = await start()
    await first.add('a', { function: 'test.ping', minutes: 1, catch_up: 'all' })
    await first.close()
    const { add, delete: remove } = await start()
    await remove('a')
    await clock.turn(10 * MINUTE)
    await add('a', { function: 'test.ping', minutes: 1, catch_up: 'all' })
    await clock.turn(MINUTE)
    expect((await nthReturn('a', 1)).jid.slice(0, 12)).toBe('202611200929')
    expect(skips.items).toEqual([])
  })

  it('sets aside lines of its file that are none', async () => {
    const { dir, start } = await createPlace()
    const line = { k: 'kept/a', v: { kept: { timesKey: 'x', since: 'yesterday' } } }
    await writeFile(join(dir, 'schedule'), `\n${JSON.stringify(line)}`)
    await start({ a: { function: 'test.ping', minutes: 1 } })
    expect(await readFile(join(dir, 'schedule.bad'), 'utf8')).toContain('yesterday')
  })
})
