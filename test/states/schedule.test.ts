import { describe, expect, it } from 'vitest'
import { createPlace } from '../minion/schedule-place.ts'
import { stateCaller } from './call.ts'

async function minion(config: Record<string, unknown> = {}) {
  const place = await createPlace()
  const { operations, setPillar } = await place.start(config)
  return { operations, setPillar, ...stateCaller({ schedule: operations as never }) }
}

const JOB = { name: 'job1', function: 'state.sls', job_args: ['resource'], seconds: 5, splay: 2 }

describe('states of schedule', () => {
  it('bring an entry, and leave it alone once it is as given', async () => {
    const { call, test, operations, said } = await minion()
    expect(await test('schedule.present', JOB)).toEqual({
      result: null,
      changes: { job1: 'added' },
      comment: 'Job: job1 would be added to schedule.',
    })
    expect(operations.item('job1')).toBeUndefined()
    expect(await call('schedule.present', JOB)).toEqual({
      result: true,
      changes: { job1: 'added' },
      comment: 'Adding new job job1 to schedule',
    })
    expect(operations.item('job1')).toMatchObject({
      function: 'state.sls',
      args: ['resource'],
      seconds: 5,
      enabled: true,
    })
    const again = { result: true, changes: {}, comment: 'Job job1 in correct state' }
    expect(await call('schedule.present', JOB)).toEqual(again)
    expect(await test('schedule.present', JOB)).toEqual(again)
    expect(said.map(({ tag }) => tag)).toEqual(['/salt/minion/minion_schedule_add_complete'])
  })

  it('make an entry what is given: what is not given goes', async () => {
    const { call, test, operations } = await minion()
    await call('schedule.present', JOB)
    const { splay: _none, ...rest } = JOB
    const given = { ...rest, seconds: 10 }
    expect(await test('schedule.present', given)).toMatchObject({ result: null, changes: { job1: 'modified' } })
    const modified = await call('schedule.present', given)
    expect(modified).toMatchObject({
      result: true,
      comment: 'Modifying job job1 in schedule',
      changes: { job1: { old: { seconds: 5, splay: 2 }, new: { seconds: 10 } } },
    })
    expect(operations.item('job1')).not.toHaveProperty('splay')
    expect(await call('schedule.present', given)).toMatchObject({ changes: {} })
  })

  it('take an entry away', async () => {
    const { call, test, operations } = await minion({ job1: { function: 'test.ping', seconds: 60 } })
    expect(await test('schedule.absent', { name: 'job1' })).toMatchObject({
      result: null,
      changes: { job1: 'removed' },
    })
    expect(await call('schedule.absent', { name: 'job1' })).toEqual({
      result: true,
      changes: { job1: 'removed' },
      comment: 'Removed job job1 from schedule',
    })
    expect(operations.item('job1')).toBeUndefined()
    expect(await call('schedule.absent', { name: 'job1' })).toEqual({
      result: true,
      changes: {},
      comment: 'Job job1 not present in schedule',
    })
  })

  it('disable and enable an entry, once', async () => {
    const { call, test, operations } = await minion()
    await call('schedule.present', JOB)
    expect(await test('schedule.disabled', { name: 'job1' })).toMatchObject({ result: null })
    expect(await call('schedule.disabled', { name: 'job1' })).toEqual({
      result: true,
      changes: { job1: 'disabled' },
      comment: 'Disabled job job1 from schedule',
    })
    expect(operations.item('job1')).toMatchObject({ enabled: false })
    expect(await call('schedule.disabled', { name: 'job1' })).toMatchObject({ result: true, changes: {} })
    expect(await call('schedule.enabled', { name: 'job1' })).toMatchObject({ changes: { job1: 'enabled' } })
    expect(await call('schedule.enabled', { name: 'job1' })).toMatchObject({ result: true, changes: {} })
    expect(await call('schedule.disabled', { name: 'nope' })).toMatchObject({ result: true, changes: {} })
    expect(await call('schedule.enabled', { name: 'nope' })).toMatchObject({
      result: false,
      comment: 'Job nope not present in schedule',
    })
  })

  it('leave entries of the pillar to the pillar', async () => {
    const { call, setPillar } = await minion()
    setPillar({ schedule: { job1: { function: 'test.ping', seconds: 60 } } })
    for (const fun of ['schedule.absent', 'schedule.disabled'])
      expect((await call(fun, { name: 'job1' })).comment).toContain('comes from the pillar: it is changed there')
    expect(await call('schedule.present', JOB)).toMatchObject({ result: false, changes: {} })
  })

  it('say what is wrong with an entry', async () => {
    const { call } = await minion()
    const wrong = await call('schedule.present', { name: 'job1', function: 'test.ping', secnds: 5 })
    expect(wrong).toMatchObject({ result: false, changes: {} })
    expect(wrong.comment).toContain("unknown option 'secnds'. Did you mean 'seconds'?")
  })
})
