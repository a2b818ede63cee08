import { describe, expect, it } from 'vitest'
import { createPresenceTable } from '../../src/fleet/presence-table.ts'

const LIMIT = 1000

/** A table, and how often web1 was lost. */
function open() {
  const table = createPresenceTable(LIMIT)
  let lost = 0
  /** Time goes on in small steps, and each is judged. */
  const pass = (from: number, to: number) => {
    for (let now = from; now <= to; now += 50) lost += table.judge(now)
  }
  /** Heartbeats of web1 with such gaps, of one process; returns the time of the last. */
  const beats = (gaps: number[]) => {
    let now = 0
    for (const gap of gaps) {
      pass(now, now + gap)
      now += gap
      table.beat('web1', 's1', now)
    }
    return now
  }
  return { table, lost: () => lost, pass, beats }
}

describe('a minion', () => {
  it('is there from its first heartbeat, and lost when it is silent for its limit', () => {
    const { table } = open()
    expect(table.present()).toEqual([])
    table.beat('web2', 's', 0)
    table.beat('web1', 's', 500)
    table.judge(1000)
    expect(table.present()).toEqual(['web1', 'web2'])
    expect(table.judge(1001)).toBe(1)
    expect(table.present()).toEqual(['web1'])
    table.beat('web2', 't', 1400)
    expect(table.judge(1501)).toBe(1)
    expect(table.present()).toEqual(['web2'])
  })

  it('is lost once, however long it is away', () => {
    const { table, pass, lost } = open()
    table.beat('web1', 's', 0)
    pass(0, 20 * LIMIT)
    expect(lost()).toBe(1)
    expect(table.present()).toEqual([])
  })

  it('on a slow network is lost by mistake once at most', () => {
    const { table, lost, beats } = open()
    table.beat('web1', 's1', 0)
    beats(Array.from({ length: 50 }, (_, n) => (n % 3 === 0 ? 1900 : 400)))
    expect(lost()).toBe(1)
    expect(table.slow()).toEqual({ web1: 1900 })
  })

  it('whose network gets slow by and by is never lost by mistake', () => {
    const { table, lost, beats } = open()
    table.beat('web1', 's1', 0)
    beats([400, 700, 1200, 1900, 2500, 3500, 3900, 3900])
    expect(lost()).toBe(0)
  })

  it('has at most four times the limit of all', () => {
    const { table, lost, beats, pass } = open()
    table.beat('web1', 's1', 0)
    const last = beats([900, 1700, 3000, 3900])
    pass(last, last + 4 * LIMIT)
    expect(lost()).toBe(0)
    pass(last + 4 * LIMIT + 1, last + 4 * LIMIT + 51)
    expect(lost()).toBe(1)
  })

  it('has the limit of all again once its heartbeats have been regular for a while', () => {
    const { table, lost, beats, pass } = open()
    table.beat('web1', 's1', 0)
    const last = beats([900, 1700, ...Array.from({ length: 40 }, () => 400)])
    expect(table.slow()).toEqual({})
    pass(last, last + LIMIT)
    expect(lost()).toBe(0)
    pass(last + LIMIT + 1, last + LIMIT + 51)
    expect(lost()).toBe(1)
  })

  it('that was started anew has no slow network, and neither has one that names no process', () => {
    for (const sessions of [['a', 'b'] as const, [undefined, undefined] as const]) {
      const { table, pass, lost } = open()
      table.beat('web1', sessions[0], 0)
      table.beat('web1', sessions[1], 950)
      expect(table.slow()).toEqual({})
      pass(950, 950 + LIMIT + 50)
      expect(lost()).toBe(1)
    }
  })

  it('that was away for long has no slow network either', () => {
    const { table, pass } = open()
    table.beat('web1', 's1', 0)
    pass(0, 5 * LIMIT)
    table.beat('web1', 's1', 5 * LIMIT)
    expect(table.slow()).toEqual({})
  })
})

describe('when nobody could be heard for a while', () => {
  it('everybody who was there has the whole limit again, and who was lost stays lost', () => {
    const { table } = open()
    table.beat('web1', 's', 0)
    table.beat('web2', 's', 900)
    expect(table.judge(1100)).toBe(1)
    table.renew(1800)
    expect(table.judge(1800 + LIMIT)).toBe(0)
    expect(table.present()).toEqual(['web2'])
    expect(table.judge(1801 + LIMIT)).toBe(1)
  })
})

describe('minions that were there before', () => {
  it('are there until their limit is over from when the table began to listen', () => {
    const { table } = open()
    table.adopt(['web1', 'web2'], {}, 0)
    table.beat('web1', 's', 800)
    expect(table.judge(1000)).toBe(0)
    expect(table.judge(1001)).toBe(1)
    expect(table.present()).toEqual(['web1'])
  })

  it('keep the limit of a slow network, though their first heartbeat says nothing of it', () => {
    const { table } = open()
    table.adopt(['web1'], { web1: 1500 }, 0)
    expect(table.judge(2500)).toBe(0)
    table.beat('web1', 's', 2500)
    expect(table.judge(5400)).toBe(0)
    expect(table.slow()).toEqual({ web1: 1500 })
    expect(table.judge(5501)).toBe(1)
  })

  it('are not there where the table has listened for longer than their limit, or knows better', () => {
    const { table } = open()
    table.beat('web1', 's', 0)
    table.judge(1500)
    table.adopt(['web1', 'web2'], {}, 1500)
    expect(table.present()).toEqual([])
    expect(table.judge(3000)).toBe(0)
  })
})

describe('where another has judged until now', () => {
  it('whom that one has lost and nobody has heard since is lost, and there again from its next heartbeat on', () => {
    const { table } = open()
    table.adopt(['web1', 'web2'], {}, 0)
    table.beat('web2', 's', 400)
    table.concede(['web2'], 500)
    expect(table.present()).toEqual(['web2'])
    expect(table.judge(1001)).toBe(0)
    table.beat('web1', 's', 1100)
    expect(table.present()).toEqual(['web1', 'web2'])
  })

  it('who is there for that one has its whole limit, though it was not heard since', () => {
    const { table } = open()
    table.adopt(['web1'], {}, 0)
    table.concede(['web1'], 900)
    expect(table.judge(1000)).toBe(0)
    expect(table.present()).toEqual(['web1'])
    expect(table.judge(1001)).toBe(1)
  })

  it('a time in which nobody could be heard makes nobody heard', () => {
    const { table } = open()
    table.beat('web1', 's', 0)
    table.beat('web2', 's', 0)
    table.renew(100)
    table.beat('web2', 's', 150)
    table.concede([], 200)
    expect(table.present()).toEqual(['web2'])
  })

  it('who came of late is there, and who has been silent for half of its limit is not', () => {
    const { table } = open()
    table.beat('web1', 's', 100)
    table.beat('web2', 's', 99)
    table.concede([], 600)
    expect(table.present()).toEqual(['web1'])
  })
})

it('the list of those who are there is the same for as long as nobody comes or goes', () => {
  const { table } = open()
  table.beat('web1', 's', 0)
  const first = table.present()
  table.beat('web1', 's', 10)
  table.judge(20)
  expect(table.present()).toBe(first)
  table.beat('web2', 's', 30)
  expect(table.present()).toEqual(['web1', 'web2'])
  expect(first).toEqual(['web1'])
})
