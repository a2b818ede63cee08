import { describe, expect, it } from 'vitest'
import type { Gathered, PublishRequest } from '../../src/functions/context.ts'
import { createSeen } from '../helpers/wait.ts'
import { createPlace } from '../minion/schedule-place.ts'
import { caller } from './call.ts'

/** The module on a minion's schedule; `peers`: what each of the others answers to schedule.add. */
async function minion(config: Record<string, unknown> = {}, peers: Record<string, boolean> = {}) {
  const place = await createPlace()
  const { operations, setPillar } = await place.start(config)
  const asked = createSeen<PublishRequest>()
  const peer = async (request: PublishRequest): Promise<Gathered> => {
    asked.push(request)
    const returns = Object.entries(peers).map(([id, success]) => [id, { id, success, return: {} }])
    return {
      jid: '1',
      minions: Object.keys(peers),
      returns: Object.fromEntries(returns),
      offline: [],
      refused: {},
      silent: [],
    }
  }
  return { ...place, setPillar, asked, ...caller('execution', { schedule: operations as never, peer }) }
}

const LISTED = `schedule:
  job1:
    enabled: true
    function: test.ping
    jid_include: true
    maxrunning: 1
    name: job1
    saved: true
    seconds: 3600
  job2:
    args:
    - date
    enabled: true
    function: cmd.run
    jid_include: true
    maxrunning: 1
    name: job2
    saved: true
    seconds: 5
  job3:
    enabled: true
    function: nosuch.fun
    jid_include: true
    maxrunning: 1
    name: job3
    saved: true
    seconds: 5
  job4:
    cron: '*/5 * * * *'
    enabled: true
    function: test.ping
    jid_include: true
    maxrunning: 2
    name: job4
    saved: true
    splay: 10
`
const JOB1 = { function: 'test.ping', seconds: 3600, maxrunning: 1, name: 'job1', enabled: true, jid_include: true }

describe('schedule', () => {
  it("answers as Salt's, from the first entry to the purge", async () => {
    const { call, recorded } = await minion()
    const add = (name: string, item: Record<string, unknown>) => call('schedule.add', [name], item)
    expect(await call('schedule.list')).toBe('schedule: {}\n')
    const built = { function: 'test.ping', seconds: 3600 }
    expect(await call('schedule.build_schedule_item', ['job1'], built)).toEqual(JOB1)
    const { seconds: _none, ...timeless } = JOB1
    expect(await call('schedule.build_schedule_item', ['job1'], { function: 'test.ping' })).toEqual(timeless)
    expect(await add('job1', built)).toEqual({
      comment: 'Added job: job1 to schedule.',
      result: true,
      changes: { job1: 'added' },
    })
    expect(recorded.retcode).toBeUndefined()
    expect(await add('job1', built)).toEqual({
      comment: 'Job job1 already exists in schedule.',
      result: false,
      changes: {},
    })
    expect(recorded.retcode).toBe(1)
    await add('job2', { function: 'cmd.run', job_args: ['date'], seconds: 5 })
    await add('job3', { function: 'nosuch.fun', seconds: 5 })
    await add('job4', { function: 'test.ping', cron: '*/5 * * * *', splay: 10, maxrunning: 2 })
    expect(await add('job5', { function: 'test.ping', seconds: 5, cron: '* * * * *' })).toMatchObject({
      comment: expect.stringMatching(/^Error: 'seconds' and 'cron' cannot be used together/),
      result: false,
      changes: {},
    })
    expect(await call('schedule.list')).toBe(LISTED)
    expect(await call('schedule.list', [], { show_all: true })).toBe(LISTED)
    expect(await call('schedule.list', [], { return_yaml: false })).toMatchObject({
      job1: JOB1,
      job2: { args: ['date'] },
    })
    expect(await call('schedule.is_enabled', ['job1'])).toEqual(JOB1)
    expect(await call('schedule.is_enabled')).toBe(true)
    expect(await call('schedule.is_enabled', ['nope'])).toEqual({})
    expect(await call('schedule.show_next_fire_time', ['job1'])).toEqual({
      result: true,
      next_fire_time: '2026-11-20T10:18:20',
    })
    expect(await call('schedule.show_next_fire_time', ['nope'])).toEqual({ result: true, next_fire_time: null })
    expect(await call('schedule.disable_job', ['job1'])).toEqual({
      changes: { job1: 'disabled' },
      comment: 'Disabled Job job1 in schedule.',
      result: true,
    })
    expect(await call('schedule.disable_job', ['nope'])).toEqual({
      changes: {},
      comment: 'Job nope does not exist.',
      result: false,
    })
    expect(await call('schedule.is_enabled', ['job1'])).toEqual({ ...JOB1, enabled: false })
    expect(await call('schedule.list', [], { show_disabled: false })).not.toContain('job1')
    expect(await call('schedule.enable_job', ['job1'])).toMatchObject({ comment: 'Enabled Job job1 in schedule.' })
    expect(await call('schedule.disable')).toEqual({
      changes: { schedule: 'disabled' },
      comment: 'Disabled schedule on minion.',
      result: true,
    })
    expect(await call('schedule.list', [], { return_yaml: false })).toMatchObject({ enabled: false })
    expect(await call('schedule.enable')).toMatchObject({ comment: 'Enabled schedule on minion.' })
    expect(await call('schedule.modify', ['job1'], { function: 'test.ping', seconds: 1800 })).toEqual({
      comment: 'Modified job: job1 in schedule.',
      changes: { job1: { old: JOB1, new: { ...JOB1, seconds: 1800 } } },
      result: true,
    })
    expect(await call('schedule.modify', ['nope'], { function: 'test.ping', seconds: 1 })).toEqual({
      comment: 'Job nope does not exist in schedule.',
      changes: {},
      result: false,
    })
    expect(await call('schedule.run_job', ['job1'])).toEqual({
      comment: 'Scheduling Job job1 on minion.',
      result: true,
    })
    expect(await call('schedule.run_job', ['nope'])).toEqual({ comment: 'Job nope does not exist.', result: false })
    expect(await call('schedule.postpone_job', ['job1', '2026-11-20T10:00:00', '2026-11-20T11:00:00'])).toEqual({
      comment: 'Postponed Job job1 in schedule.',
      result: true,
    })
    expect(await call('schedule.skip_job', ['job1', '2026-11-20T12:00:00'])).toEqual({
      comment: 'Added Skip Job job1 in schedule.',
      result: true,
    })
    expect(await call('schedule.save')).toEqual({ comment: 'Schedule (non-pillar items) saved.', result: true })
    expect(await call('schedule.delete', ['job2'])).toEqual({
      changes: { job2: 'removed' },
      comment: 'Deleted Job job2 from schedule.',
      result: true,
    })
    expect(await call('schedule.delete', ['nope'])).toMatchObject({
      comment: 'Job nope does not exist.',
      result: false,
    })
    await call('schedule.delete', ['job1'])
    expect(await call('schedule.purge')).toEqual({
      changes: { job3: 'removed', job4: 'removed' },
      comment: ['Deleted job: job3 from schedule.', 'Deleted job: job4 from schedule.'],
      result: true,
    })
    expect(await call('schedule.list')).toBe('schedule:\n  enabled: true\n')
  })

  it('runs an entry by force, and one that is disabled by nothing else', async () => {
    const { call, nthReturn } = await minion({ a: { function: 'test.ping', seconds: 60, enabled: false } })
    expect(await call('schedule.run_job', ['a'])).toMatchObject({
      result: false,
      comment: expect.stringContaining('force'),
    })
    expect(await call('schedule.run_job', ['a'], { force: true })).toMatchObject({ result: true })
    expect(await nthReturn('a', 1)).toMatchObject({ fun: 'test.ping', return: true })
  })

  it('takes an entry whose time is past, and says that it will not run', async () => {
    const { call } = await minion()
    const past = { function: 'test.ping', once: '2020-01-01T00:00:00' }
    const said = async (fun: string, item: Record<string, unknown>) =>
      ((await call(`schedule.${fun}`, ['a'], item)) as { comment: unknown }).comment
    const over = ' Its time is past: it will not run.'
    expect(await said('add', { ...past, test: true })).toBe(`Job: a would be added to schedule.${over}`)
    expect(await call('schedule.add', ['a'], past)).toEqual({
      result: true,
      comment: `Added job: a to schedule.${over}`,
      changes: { a: 'added' },
    })
    expect(await said('modify', { seconds: 5, test: true })).toBe('Job: a would be modified in schedule.')
    expect(await said('modify', { seconds: 5, until: '2020-01-01' })).toBe(`Modified job: a in schedule.${over}`)
    expect(await said('modify', { run_on_start: true })).toBe('Modified job: a in schedule.')
  })

  it('puts no run off to a time that is not to come, and skips none that is over', async () => {
    const { call, recorded } = await minion({ a: { function: 'test.ping', seconds: 60 } })
    const now = 'it is 2026-11-20T09:18:20 now (UTC)'
    const next = '2026-11-20T09:19:20'
    for (const to of ['2020-01-01 10:00', '2026-11-20T09:18:20'])
      expect(await call('schedule.postpone_job', ['a', next, to])).toEqual({
        result: false,
        comment: `Error: the new time '${to}' is past: give a later one; ${now}`,
        changes: {},
      })
    const over = "Error: the time '2026-11-20 9:10' is past: give one at which it is still to run; "
    for (const [fun, to] of [['postpone_job', '2026-11-20T11:00:00'], ['skip_job']] as const)
      expect(await call(`schedule.${fun}`, ['a', '2026-11-20 9:10', ...(to ? [to] : [])])).toMatchObject({
        result: false,
        comment: over + now,
      })
    expect(recorded.retcode).toBe(1)
    expect(recorded.said).toEqual([])
    const status = await call('schedule.job_status', ['a'])
    expect(status).toMatchObject({ _next_fire_time: next })
    expect(status).not.toHaveProperty('skip_explicit')
    expect(status).not.toHaveProperty('run_explicit')
  })

  it('skips a run that waits for its splay, though its time is over', async () => {
    const { call, clock, skips } = await minion({
      a: { function: 'test.ping', minutes: 10, splay: { start: 300, end: 301 } },
    })
    await clock.turn(660_000)
    expect(await call('schedule.skip_job', ['a', '2026-11-20T09:28:20'])).toMatchObject({ result: true })
    await clock.turn(300_000)
    await skips.reach(1)
    expect(skips.items[0]?.data).toMatchObject({ reason: 'skip_explicit' })
  })

  it('only says what it would do with test=True', async () => {
    const { call, recorded } = await minion({ a: { function: 'test.ping', seconds: 60 } })
    const said = async (fun: string, args: unknown[], more = {}) =>
      ((await call(`schedule.${fun}`, args, { test: true, ...more })) as { comment: unknown }).comment
    expect(await said('add', ['b'], { function: 'test.ping', seconds: 5 })).toBe('Job: b would be added to schedule.')
    expect(await said('modify', ['a'], { seconds: 5 })).toBe('Job: a would be modified in schedule.')
    expect(await said('delete', ['a'])).toBe('Job: a would be deleted from schedule.')
    expect(await said('purge', [])).toEqual(['Job: a would be deleted from schedule.'])
    expect(await said('disable_job', ['a'])).toBe('Job: a would be disabled in schedule.')
    expect(await said('disable', [])).toBe('Schedule would be disabled.')
    expect(await said('move', ['a', 'web2'])).toBe('Job: a would be moved from schedule.')
    expect(await call('schedule.list', [], { return_yaml: false })).toMatchObject({ a: { enabled: true } })
    expect(recorded.said).toEqual([])
  })

  it('changes until the end of the process with persist=False, and what is on disk comes back with reload', async () => {
    const { call } = await minion({ a: { function: 'test.ping', seconds: 60 } })
    await call('schedule.add', ['b'], { function: 'test.ping', seconds: 5, persist: false })
    await call('schedule.disable_job', ['a'], { persist: false })
    expect(await call('schedule.list', [], { offline: true })).toBe('schedule: {}\n')
    expect(await call('schedule.reload')).toMatchObject({ result: true })
    expect(await call('schedule.list', [], { return_yaml: false })).toEqual({
      a: expect.objectContaining({ enabled: true }),
    })
  })

  it('tells of an entry that is not in force, and shows no secrets', async () => {
    const { call } = await minion({
      bad: { function: 'test.ping', seconds: 5, splat: 1 },
      a: {
        ...{ function: 'http.query', kwargs: { password: 'p', url: 'x' }, seconds: 60 },
        ...{ returner: 'mysql', return_kwargs: { host: 'db' } },
      },
    })
    expect(await call('schedule.list', [], { return_yaml: false })).toMatchObject({
      bad: { _error: "unknown option 'splat'. Did you mean 'splay'?" },
      a: { kwargs: { password: '[redacted]', url: 'x' }, return_kwargs: { host: '[redacted]' } },
    })
    expect(await call('schedule.job_status', ['a'])).toMatchObject({ kwargs: { password: '[redacted]' } })
    expect(await call('schedule.is_enabled', ['a'])).toMatchObject({ return_kwargs: { host: '[redacted]' } })
  })

  it('says the last run and the next, and what was skipped and why', async () => {
    const { call, clock, skips } = await minion({ a: { function: 'test.ping', minutes: 1 } })
    await call('schedule.disable_job', ['a'])
    await clock.turn(60_000)
    await skips.reach(1)
    await clock.turn(0)
    expect(await call('schedule.job_status', ['a'])).toMatchObject({
      ...{ name: 'a', enabled: false, _next_fire_time: '2026-11-20T09:20:20' },
      ...{ _skipped: true, _skip_reason: 'disabled', _skipped_time: '2026-11-20T09:19:20' },
    })
    await call('schedule.enable_job', ['a'])
    await call('schedule.run_job', ['a'])
    expect(await call('schedule.job_status', ['a'], { time_fmt: '%H:%M' })).toMatchObject({
      ...{ enabled: true, _last_run: '09:19', _skipped: false },
    })
  })

  it("fires Salt's events of what it has changed, and none of what has failed", async () => {
    const { call, recorded } = await minion()
    await call('schedule.add', ['a'], { function: 'test.ping', seconds: 60 })
    await call('schedule.add', ['a'], { function: 'test.ping', seconds: 60 })
    await call('schedule.list')
    await call('schedule.modify', ['a'], { seconds: 90 })
    await call('schedule.disable_job', ['a'])
    await call('schedule.enable_job', ['a'])
    await call('schedule.disable')
    await call('schedule.enable')
    await call('schedule.postpone_job', ['a', '2026-11-20T10:00:00', '2026-11-20T11:00:00'])
    await call('schedule.skip_job', ['a', '2026-11-20T10:00:00'])
    await call('schedule.save')
    await call('schedule.delete', ['a'])
    const names = recorded.said.map(({ tag }) => tag.replace('/salt/minion/minion_schedule_', ''))
    expect(names).toEqual([
      ...['add_complete', 'modify_complete', 'disabled_job_complete', 'enabled_job_complete', 'disabled_complete'],
      ...['enabled_complete', 'postpone_job_complete', 'skip_job_complete', 'saved', 'delete_complete'],
    ])
    expect(recorded.said[0]?.data).toEqual({
      complete: true,
      schedule: { a: expect.objectContaining({ seconds: 60 }) },
    })
    expect(recorded.said.at(-1)?.data).toEqual({ complete: true, schedule: { enabled: true } })
  })

  it('moves an entry to minions that have added it, and keeps it where one has not', async () => {
    const item = { function: 'test.ping', seconds: 60, kwargs: { password: 'p' } }
    const there = await minion({ a: item }, { web3: true, web2: true })
    expect(await there.call('schedule.copy', ['a', 'web*'])).toEqual({
      result: true,
      comment: 'Copied Job a from schedule to minion(s).',
      minions: ['web2', 'web3'],
    })
    expect(await there.call('schedule.move', ['a', 'web*'])).toEqual({
      result: true,
      comment: 'Moved Job a from schedule.',
      minions: ['web2', 'web3'],
    })
    expect(there.asked.items).toHaveLength(2)
    expect(there.asked.items[0]).toMatchObject({ tgt: 'web*', fun: 'schedule.add', kwarg: { ...item, name: 'a' } })
    expect(await there.call('schedule.list')).toBe('schedule: {}\n')

    const refused = await minion({ a: item }, { web2: false, web3: true })
    expect(await refused.call('schedule.move', ['a', 'web*'])).toEqual({
      result: false,
      comment: 'the following minions return False',
      minions: ['web2'],
    })
    const nobody = await minion({ a: item })
    expect(await nobody.call('schedule.move', ['a', 'web*'])).toMatchObject({
      result: false,
      comment: 'no servers answered the published schedule.add command',
    })
    expect(await nobody.call('schedule.move', ['b', 'web*'])).toMatchObject({ comment: 'Job b does not exist.' })
    expect(await nobody.call('schedule.list')).toContain('a:')
  })

  it('says that an entry of the pillar is changed there', async () => {
    const { call, setPillar, recorded } = await minion()
    setPillar({ schedule: { p: { function: 'test.ping', seconds: 60 } } })
    for (const [fun, more] of [['delete'], ['disable_job'], ['modify', { seconds: 5 }]] as const)
      expect(await call(`schedule.${fun}`, ['p'], more)).toMatchObject({
        result: false,
        comment: 'Job p comes from the pillar: it is changed there, and not by this module',
      })
    expect(recorded.retcode).toBe(1)
    expect(await call('schedule.delete', ['p'], { where: 'opts' })).toMatchObject({ comment: 'Job p does not exist.' })
    expect(await call('schedule.list', [], { where: 'pillar' })).toContain('p:')
  })
})
