import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHandOver } from '../../src/schedule/hand-over.ts'
import { GRACE_MS } from '../../src/schedule/timetable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { openLeading, until } from './leading.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const HOUR = { function: 'test.arg', hours: 1 }
const SECOND = { function: 'test.arg', seconds: 1, maxrunning: 50 }
const slots = (ids: readonly string[], name: string) =>
  ids.filter(id => id.startsWith(`${name}@`)).map(id => Date.parse(id.slice(name.length + 1)))

describe('the leader of the schedule', () => {
  it('hands over each slot of an interval, and the next leader goes on from there', async () => {
    const { lead, handedOver } = await openLeading(server)
    const first = await lead({ tick: SECOND })
    await until(async () => (await handedOver()).length >= 2)
    await first.stop()
    await lead({ tick: SECOND })
    const ids = await until(async () => {
      const all = await handedOver()
      return all.length >= 4 && all
    })
    const [start = 0, ...rest] = slots(ids, 'tick')
    expect(rest.map((slot, n) => slot - start - (n + 1) * 1000)).toEqual(rest.map(() => 0))
  })

  it('that is stopped keeps what it hands over meanwhile', async () => {
    const { lead, handedOver, stored, subjects, publisher } = await openLeading(server)
    const give = createHandOver(subjects, publisher)
    const gate = createGate()
    const leader = await lead({ tick: SECOND }, async (...slot) => {
      await give(...slot)
      await gate.passed
    })
    await until(async () => (await handedOver()).length > 0)
    const stopped = leader.stop()
    gate.open()
    await stopped
    expect((await stored()).kept.get('tick')?.last).toBe(slots(await handedOver(), 'tick').at(-1))
  })

  it('that has lost its lease hands over nothing, and what it would write is refused', async () => {
    const { lead, handedOver, clock } = await openLeading(server)
    const first = await lead({ tick: HOUR })
    await until(() => first.scheduler.kept('tick'))
    first.loseLease()
    await first.ended
    clock.ahead = 3_700_000
    expect(first.leads()).toBe(false)
    await expect(first.keepChange('tick', { enabled: false })).rejects.toMatchObject({ code: 'unreachable' })
    expect(await handedOver()).toEqual([])
  })

  it('that thinks it leads loses that with its first write once another has taken over', async () => {
    const { lead } = await openLeading(server)
    const first = await lead({ tick: HOUR })
    // Its state is written over.
    const second = await lead({ tick: HOUR })
    await second.keepChange('tick', { enabled: false })
    // Its own beat may have found out before.
    const refused = first.keepChange('tick', { enabled: true })
    await expect(refused).rejects.toThrow(/another has written it|does not lead any more/)
    await first.ended
    expect([first.leads(), second.leads()]).toEqual([false, true])
  })

  it('hands over what another one hands over too, and the store has it once', async () => {
    const { lead, handedOver, stats } = await openLeading(server)
    const first = await lead({ tick: SECOND })
    await until(() => first.scheduler.kept('tick'))
    await lead({ tick: SECOND })
    await until(() => (stats.read().slots.get('tick')?.get('run') ?? 0) >= 5)
    const ids = await handedOver()
    expect(new Set(ids).size).toBe(ids.length)
    const [start = 0] = slots(ids, 'tick')
    expect(slots(ids, 'tick').every(slot => (slot - start) % 1000 === 0)).toBe(true)
  })

  it('skips beyond maxrunning until the ledger says that a run has ended, and says so once', async () => {
    const { lead, handedOver, end, events } = await openLeading(server)
    const leader = await lead({ tick: { ...SECOND, maxrunning: 1 } })
    const skip = await events.find(({ tag }) => tag === 'salt/schedule/tick/skip', 'a skip')
    expect(skip.data).toMatchObject({ name: 'tick', reason: 'maxrunning', count: 1 })
    const [slot = 0] = slots(await handedOver(), 'tick')
    expect(leader.scheduler.kept('tick')?.running).toEqual([slot])
    await end('tick', slot, 'retrying')
    await end('tick', slot, 'parked')
    await until(async () => (await handedOver()).length === 2)
    const both = await until(() => {
      const all = events.items.filter(({ tag }) => tag === 'salt/schedule/tick/skip')
      return all.length >= 2 && all
    })
    expect(Number(both[1]!.data.count)).toBeGreaterThan(0)
  })

  it('learns after a takeover what has ended meanwhile', async () => {
    const { lead, handedOver, end } = await openLeading(server)
    const first = await lead({ tick: { ...SECOND, maxrunning: 1 } })
    const [slot = 0] = await until(async () => {
      const found = slots(await handedOver(), 'tick')
      return found.length > 0 && found
    })
    await until(() => first.scheduler.kept('tick')?.running.includes(slot))
    await first.stop()
    await end('tick', slot)
    const second = await lead({ tick: { ...SECOND, maxrunning: 1 } })
    await until(async () => (await handedOver()).length === 2)
    expect(second.scheduler.kept('tick')?.running).not.toContain(slot)
  })

  it('runs entries on start when the schedule starts, and not when another takes over', async () => {
    const { lead, handedOver, clock } = await openLeading(server)
    const given = { boot: { ...HOUR, run_on_start: true, maxrunning: 9 } }
    const first = await lead(given)
    await until(async () => (await handedOver()).length === 1)
    await first.stop()
    const second = await lead({ ...given, marker: SECOND })
    await until(async () => slots(await handedOver(), 'marker').length > 0)
    expect(slots(await handedOver(), 'boot')).toHaveLength(1)
    await second.stop()
    clock.ahead = GRACE_MS + 10_000
    await lead(given)
    await until(async () => slots(await handedOver(), 'boot').length === 2)
  })

  it('refuses entries that are wrong by themselves, with the reason in its log', async () => {
    const { lead, handedOver, lines } = await openLeading(server)
    const leader = await lead({
      never: { function: 'test.arg', cron: '0 0 30 2 *' },
      both: { function: 'test.arg', seconds: 5, cron: '* * * * *' },
      nowhere: { function: 'local.test.ping', seconds: 5 },
      minions: { function: 'test.arg', seconds: 5, metadata: { a: 1 } },
      typo: { function: 'test.arg', secconds: 5 },
      good: SECOND,
    })
    await until(async () => slots(await handedOver(), 'good').length > 0)
    expect(leader.book.refused().map(({ name }) => name)).toEqual(['never', 'both', 'nowhere', 'minions', 'typo'])
    expect(lines.items.filter(({ msg }) => msg.includes('is refused')).map(({ problem }) => problem)).toEqual([
      expect.stringContaining('never comes'),
      expect.stringContaining("'seconds' and 'cron' cannot be used together"),
      expect.stringContaining("needs a target: tgt: '*'"),
      expect.stringContaining('metadata is for the schedules of minions'),
      expect.stringContaining("Did you mean 'seconds'?"),
    ])
  })

  it('keeps what people change over leaders, and forgets what is kept of entries that are gone', async () => {
    const { lead, handedOver, stored, clock } = await openLeading(server)
    const first = await lead({ gone: HOUR, tick: SECOND })
    await until(async () => (await handedOver()).length > 0)
    await first.keepChange('more', { item: { function: 'test.arg', hours: 2 } })
    await first.keepChange('tick', { enabled: false })
    await first.stop()
    const second = await lead({ tick: SECOND })
    expect([...second.book.entries()].map(([name, { entry }]) => [name, entry.enabled])).toEqual([
      ['tick', false],
      ['more', true],
    ])
    await until(async () => {
      const { kept } = await stored()
      return kept.has('more') && !kept.has('gone')
    })
    await second.stop()
    clock.ahead = 10_000
    const now = clock.now()
    const third = await lead({ gone: HOUR })
    // As a new one: its interval counts from now, in whole seconds.
    await until(() => (third.scheduler.kept('gone')?.since ?? 0) >= now - 1000)
  })
})
