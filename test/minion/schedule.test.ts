import { describe, expect, it } from 'vitest'
import { jidOfWork } from '../../src/protocol/jid.ts'
import { createGate } from '../helpers/wait.ts'
import { createPlace, NOW } from './schedule-place.ts'

const MINUTE = 60_000
const stamp = (ms: number) => new Date(ms).toISOString().replace('Z', '000')

describe("a minion's schedule", () => {
  it('runs a function at its times as a job of the minion, and returns it with the fields of Salt', async () => {
    const { start, clock, nthReturn } = await createPlace()
    const { engine } = await start({ a: { function: 'test.arg', args: ['x', 2], kwargs: { k: 'v' }, minutes: 1 } })
    await clock.turn(MINUTE)
    const returned = await nthReturn('a', 1)
    const arg = ['x', 2, { __kwarg__: true, k: 'v' }]
    expect(returned).toMatchObject({
      ...{ cmd: '_return', id: 'm1', fun: 'test.arg', fun_args: arg, schedule: 'a', pid: process.pid },
      ...{ retcode: 0, success: true, arg, tgt: 'm1', tgt_type: 'glob' },
    })
    expect(returned.jid.slice(0, 14)).toBe('20261120091920')
    expect(returned).not.toHaveProperty('metadata')
    expect(await engine.cached(returned.jid)).toMatchObject({ schedule: 'a' })
    await clock.turn(MINUTE)
    expect((await nthReturn('a', 2)).jid.slice(0, 14)).toBe('20261120092020')
  })

  it('returns 254 for a function that is not there, as Salt does', async () => {
    const { start, clock, nthReturn } = await createPlace()
    await start({ a: { function: 'nosuch.fun', minutes: 1 } })
    await clock.turn(MINUTE)
    expect(await nthReturn('a', 1)).toMatchObject({ retcode: 254, success: false })
  })

  it('refuses what is for the master or wrong, says so once, and goes on with the rest', async () => {
    const { start, clock, nthReturn, lines } = await createPlace()
    const { list, refresh } = await start({
      runs: { function: 'test.ping', minutes: 1 },
      report: { function: 'runner.http.query', minutes: 1 },
      there: { function: 'test.ping', tgt: 'web*', minutes: 1 },
      twice: { function: 'test.ping', minutes: 1, cron: '* * * * *' },
      bare: { function: 'ping', minutes: 1 },
      asks: { function: 'test.ping', minutes: 1, returner: 'My SQL' },
    })
    const problems = list({ return_yaml: false }) as Record<string, { _error?: string }>
    expect(Object.fromEntries(Object.entries(problems).map(([name, { _error }]) => [name, _error]))).toMatchObject({
      runs: undefined,
      report: expect.stringContaining("'runner.http.query' is for the schedule of the master"),
      there: expect.stringContaining("'tgt' is for the schedule of the master"),
      twice: expect.stringContaining("'minutes' and 'cron' cannot be used together"),
      bare: expect.stringContaining("'function' is module.function"),
      asks: expect.stringContaining("'returner' must be names of returners"),
    })
    refresh()
    expect(
      lines.items.filter(({ msg }) => msg === 'an entry of the schedule is not in force; the others are'),
    ).toHaveLength(5)
    await clock.turn(MINUTE)
    await nthReturn('runs', 1)
  })

  it('sends metadata along with the times that Salt adds, and no secrets', async () => {
    const { start, clock, nthReturn } = await createPlace()
    await start({ a: { function: 'test.ping', minutes: 1, metadata: { team: 'ops', token: 'x' } } })
    await clock.turn(MINUTE)
    expect((await nthReturn('a', 1)).metadata).toEqual({
      ...{ team: 'ops', token: '[redacted]' },
      _TOS: expect.stringMatching(/^[+-]\d{4}$/),
      _TS: expect.stringMatching(/^Fri Nov 20 \d\d:19:20 2026$/),
      _TT: '2026 November 20 Fri 09 11',
    })
  })

  it('gives returns to the returners of an entry, or to those of entries that name none', async () => {
    const given: Record<string, unknown>[] = []
    const { start, clock, nthReturn } = await createPlace()
    const take = async (job: object) => void given.push(pick(job))
    await start(
      {
        own: {
          function: 'test.ping',
          minutes: 1,
          returner: ['mysql', 'redis'],
          return_config: 'alt',
          return_kwargs: { db: 'x' },
        },
        none: { function: 'test.ping', minutes: 1 },
      },
      { returners: ['sqlite'], take },
    )
    await clock.turn(MINUTE)
    await Promise.all([nthReturn('own', 1), nthReturn('none', 1)])
    expect(given).toContainEqual({ ret: 'mysql,redis', ret_config: 'alt', ret_kwargs: { db: 'x' } })
    expect(given).toContainEqual({ ret: 'sqlite' })
  })

  it('keeps a return on the minion, or out of the job cache, where the entry says so', async () => {
    const given: unknown[] = []
    const gate = createGate()
    const { start, clock, nthReturn, returnsOf } = await createPlace()
    const { engine, job_status } = await start(
      {
        quiet: { function: 'test.ping', minutes: 1, return_job: false },
        uncached: { function: 'test.ping', minutes: 1, return_job: 'nocache' },
      },
      {
        async take(_job, { schedule }) {
          given.push(schedule)
          if (schedule === 'quiet') gate.open()
        },
      },
    )
    await clock.turn(MINUTE)
    expect(await nthReturn('uncached', 1)).toMatchObject({ nocache: true })
    await gate.passed
    expect(given).toContain('quiet')
    await clock.turn(0)
    await engine.close()
    expect(returnsOf('quiet')).toEqual([])
    expect(job_status('quiet')).not.toHaveProperty('_running')
  })

  it('counts what runs for maxrunning until it has ended, and tells what it skipped', async () => {
    const { start, clock, gate, started, skips, nthReturn, returnsOf } = await createPlace()
    const { engine } = await start({ a: { function: 'gate.wait', minutes: 1 } })
    await clock.turn(MINUTE)
    await started.reach(1)
    expect(engine.running()).toMatchObject([{ fun: 'gate.wait', schedule: 'a', user: 'schedule:a' }])
    await clock.turn(MINUTE)
    expect((await skips.reach(1))[0]).toMatchObject({
      tag: 'salt/minion/m1/schedule/a/skip',
      data: { name: 'a', reason: 'maxrunning', from: stamp(NOW + 2 * MINUTE), to: stamp(NOW + 2 * MINUTE), count: 1 },
    })
    gate.open()
    await nthReturn('a', 1)
    await clock.turn(MINUTE)
    await nthReturn('a', 2)
    expect(returnsOf('a')).toHaveLength(2)
    expect(started.items).toHaveLength(2)
  })

  it('does not count runs for maxrunning that are not included', async () => {
    const { start, clock, started } = await createPlace()
    await start({ a: { function: 'gate.wait', minutes: 1, jid_include: false } })
    for (const n of [1, 2, 3]) {
      await clock.turn(MINUTE)
      await started.reach(n)
    }
  })

  it('only says in the log what a dry run would run', async () => {
    const { start, clock, lines, skips, returns } = await createPlace()
    await start({ a: { function: 'test.ping', minutes: 1, dry_run: true } })
    const said = () => lines.items.filter(({ msg }) => msg === 'an entry of the schedule would run (dry_run)')
    for (const n of [1, 2, 3]) {
      await clock.turn(MINUTE)
      await lines.find(() => said().length === n, `line ${n}`)
    }
    expect([returns.items, skips.items]).toEqual([[], []])
  })

  it('runs skip_function in place of what skip_during_range skips, with the arguments of the entry', async () => {
    const { start, clock, nthReturn, skips } = await createPlace()
    await start({
      skip_function: 'test.arg',
      skip_during_range: { start: '09:00', end: '10:00' },
      a: { function: 'cmd.run', args: ['x'], minutes: 1 },
    })
    await clock.turn(MINUTE)
    expect(await nthReturn('a', 1)).toMatchObject({ fun: 'test.arg', fun_args: ['x'], schedule: 'a' })
    expect(skips.items).toEqual([])
  })

  it('runs two entries of one second whose jids would be the same', async () => {
    const { start, clock, nthReturn } = await createPlace()
    const slot = NOW + MINUTE
    const names = new Map<string, string>()
    let twins: string[] = []
    for (let n = 0; twins.length === 0; n++) {
      const name = `e${n}`
      const jid = jidOfWork(slot, `schedule/m1/${name}/${slot}`, 'record')
      const other = names.get(jid)
      if (other !== undefined) twins = [other, name]
      names.set(jid, name)
    }
    await start(Object.fromEntries(twins.map(name => [name, { function: 'test.ping', minutes: 1 }])))
    await clock.turn(MINUTE)
    const [one, other] = await Promise.all(twins.map(name => nthReturn(name, 1)))
    expect(one!.jid).not.toBe(other!.jid)
  })

  it('has the whens of pillar and grains, and those of pillar first', async () => {
    const place = await createPlace()
    place.grains.whens = { tea: '16:00', lunch: '12:00' }
    const { setPillar, show_next_fire_time } = await place.start({
      a: { function: 'test.ping', when: 'lunch' },
      b: { function: 'test.ping', when: ['tea'] },
    })
    setPillar({ whens: { lunch: '12:30' } })
    expect(show_next_fire_time('a').next_fire_time).toBe('2026-11-20T12:30:00')
    expect(show_next_fire_time('b').next_fire_time).toBe('2026-11-20T16:00:00')
  })
})

function pick(job: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(job).filter(([key]) => key.startsWith('ret')))
}

describe('entries of the pillar', () => {
  const pillar = (seconds: number) => ({ schedule: { p: { function: 'test.ping', seconds } } })

  it('appear, change and go with it', async () => {
    const { start, clock, nthReturn, returnsOf } = await createPlace()
    const { setPillar, list } = await start({ c: { function: 'test.ping', minutes: 10 } })
    setPillar(pillar(20))
    expect(Object.keys(list({ return_yaml: false }))).toEqual(['p', 'c'])
    await clock.turn(20_000)
    await nthReturn('p', 1)
    setPillar(pillar(30))
    await clock.turn(30_000)
    await nthReturn('p', 2)
    setPillar({})
    await clock.turn(MINUTE)
    expect(Object.keys(list({ return_yaml: false }))).toEqual(['c'])
    expect(returnsOf('p')).toHaveLength(2)
  })

  it('cannot be changed by calls, which say so', async () => {
    const { start } = await createPlace()
    const { setPillar, ...schedule } = await start()
    setPillar(pillar(20))
    const refusal = {
      result: false,
      comment: expect.stringMatching(/^Job p comes from the pillar: it is changed there/),
    }
    expect(await schedule.delete('p')).toMatchObject(refusal)
    expect(await schedule.modify('p', { seconds: 5 })).toMatchObject(refusal)
    expect(await schedule.disable_job('p')).toMatchObject(refusal)
    expect(await schedule.purge()).toMatchObject({ comment: ['Job: p comes from the pillar and stays.'], changes: {} })
    expect(schedule.list({ where: 'pillar', return_yaml: false })).toHaveProperty('p')
    expect(schedule.list({ where: 'opts', return_yaml: false })).toEqual({})
  })

  it('that are no map are none, and it is said', async () => {
    const { start, lines } = await createPlace()
    const { setPillar, list } = await start()
    setPillar({ schedule: ['p'] })
    expect(list()).toBe('schedule: {}\n')
    expect(lines.items.map(({ msg }) => msg)).toContain(
      "'schedule' of the pillar must be a map of entries; there are none of it now",
    )
  })
})
