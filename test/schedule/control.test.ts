import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ScheduleView } from '../../src/protocol/schedule.ts'
import { createAsk } from '../../src/schedule/control.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openLeading, until } from './leading.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

describe('the leader of the schedule', () => {
  it('says of an entry whose times are past that it is over, and not of one that runs on start', async () => {
    const { lead } = await openLeading(server)
    const leader = await lead({
      past: { function: 'test.arg', once: '2020-01-01T00:00:00' },
      until: { function: 'test.arg', seconds: 5, until: '2020-01-01' },
      boot: { function: 'test.arg', run_on_start: true },
      tick: { function: 'test.arg', hours: 1 },
    })
    const ask = createAsk(leader)
    await until(() => leader.scheduler.kept('tick'))
    const { entries } = (await ask('status', [])) as ScheduleView
    expect(entries.map(({ name, over }) => [name, over])).toEqual([
      ['past', true],
      ['until', true],
      ['boot', undefined],
      ['tick', undefined],
    ])
  })

  it('answers that a run cannot be put off to a time that is past', async () => {
    const { lead } = await openLeading(server)
    const leader = await lead({ tick: { function: 'test.arg', hours: 1 } })
    const next = await until(() => leader.scheduler.next('tick'))
    expect(
      await createAsk(leader)('postpone_job', ['tick', new Date(next).toISOString(), '2020-01-01 10:00']),
    ).toMatchObject({ result: false, comment: expect.stringContaining("the new time '2020-01-01 10:00' is past") })
    expect(leader.scheduler.kept('tick')).toMatchObject({ skip: [], extra: [] })
  })

  it('skips the next run of an entry by the time that it is shown with, also where a splay has put it there', async () => {
    const { lead } = await openLeading(server)
    const leader = await lead({ tick: { function: 'test.arg', hours: 1, splay: 600 } })
    const kept = await until(() => leader.scheduler.kept('tick'))
    const slot = leader.book.entries().get('tick')!.entry.times.next(kept.last, kept.since)!
    const shown = leader.scheduler.next('tick')!
    expect(shown).toBeGreaterThan(slot + 1000)
    await createAsk(leader)('skip_job', ['tick', new Date(shown).toISOString()])
    expect(leader.scheduler.kept('tick')?.skip).toEqual([slot])
    // As Salt has it, the time of the entry itself names its run too.
    await createAsk(leader)('skip_job', ['tick', new Date(slot + 3_600_000).toISOString()])
    expect(leader.scheduler.kept('tick')?.skip).toEqual([slot, slot + 3_600_000])
  })
})
