import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatStamp, type RawEvent } from '../../../src/protocol/event.ts'
import { minionOrigin, type Origin, serviceOrigin } from '../../../src/protocol/origin.ts'
import { createSubjects } from '../../../src/protocol/subject.ts'
import { createFolds } from '../../../src/reactor/windows/folds.ts'
import type { Fire } from '../../../src/reactor/windows/window.ts'
import { keptLog } from '../../helpers/core.ts'
import { bundleOf } from './reactors.ts'

const subjects = createSubjects('reactor')
const START = Date.UTC(2026, 10, 20, 9, 0, 0)
const RULES = `
rule: counted
on: n/*
count: { at_least: 3, within: 1s, by: "{{ data.k }}" }
do: runner.test.arg
---
rule: grouped
on: n/*
group: { for: 1s, by: "{{ data.k }}" }
do: runner.test.arg
---
rule: missed
on: n/a
absent: { for: 500ms, until: [n/b, end/*] }
do: runner.test.arg
`

const ALL = bundleOf('b1', RULES)

function open(rules?: string) {
  const given: string[] = []
  const fires: Fire[] = []
  const { log, lines } = keptLog()
  const folds = createFolds({
    prefix: subjects.eventPrefix,
    grainsOf: () => undefined,
    emit({ rule }, _bundle, output) {
      given.push(`${rule.rule} ${output.do} ${output.event.id}`)
      if (output.do === 'fire') fires.push(output)
    },
    gaveWay: () => undefined,
    log,
    maxKeys: 100,
    late: 60_000,
  })
  folds.use(rules === undefined ? ALL : bundleOf('b1', rules), 0)
  return { folds, given, fires, lines }
}

interface Given {
  hops?: number
  chain?: string
  seq: number
  ms: number
  tag?: string
  data?: object
  stamp?: number
  origin?: Origin
  text?: string
}

function raw({
  seq,
  ms,
  tag = 'n/a',
  data = {},
  stamp = ms,
  origin = serviceOrigin('_jobs'),
  text,
  hops = 0,
  chain,
}: Given): RawEvent {
  return {
    subject: subjects.event(origin, tag),
    text: () => text ?? JSON.stringify({ tag, data: { k: 'x', ...data }, _stamp: formatStamp(START + stamp) }),
    header: name =>
      ({ 'Nats-Msg-Id': `e${seq}`, 'Reactor-Hops': hops > 0 ? String(hops) : undefined, 'Reactor-Chain': chain })[name],
    storedMs: START + ms,
    seq,
  }
}

describe('events that come again', () => {
  const stream = fc
    .array(fc.record({ wait: fc.nat(500), tag: fc.constantFrom('n/a', 'n/b', 'end/c', 'other/x'), k: fc.nat(2) }), {
      maxLength: 40,
    })
    .map(all => {
      let ms = 0
      return all.map(({ wait, tag, k }, index) => {
        ms += wait
        return raw({ seq: index + 1, ms, tag, data: { k } })
      })
    })

  it('are passed over up to where each rule is', () => {
    fc.assert(
      fc.property(stream, fc.nat(40), fc.nat(40), (events, until, back) => {
        const once = open()
        for (const event of events) once.folds.handle(event)
        once.folds.advance(START + 1e6)
        const again = open()
        for (const event of events.slice(0, until)) again.folds.handle(event)
        again.folds.reached(Math.min(until, events.length))
        for (const event of events.slice(Math.max(0, Math.min(until, events.length) - back))) again.folds.handle(event)
        again.folds.advance(START + 1e6)
        expect(again.given).toEqual(once.given)
      }),
    )
  })

  it('are no news to a rule that goes on, and all of them are to one that is new', () => {
    const { folds, given } = open('rule: old\non: n/*\ncount: { at_least: 2, within: 1m }\ndo: runner.test.arg\n')
    folds.handle(raw({ seq: 1, ms: 0 }))
    folds.reached(1)
    const both = ['old', 'new'].map(
      rule => `rule: ${rule}\non: n/*\ncount: { at_least: 2, within: 1m }\ndo: runner.test.arg\n`,
    )
    folds.use(bundleOf('b2', both.join('---\n')), 0)
    folds.handle(raw({ seq: 1, ms: 0 }))
    folds.handle(raw({ seq: 2, ms: 1 }))
    expect(given).toEqual(['old suppress e1', 'new suppress e1', 'old fire e2', 'new fire e2'])
  })
})

describe('the time of an event', () => {
  const counting = 'rule: c\non: n/*\ncount: { at_least: 2, within: 1s }\ndo: runner.test.arg\n'
  const two = (stamp: number) => {
    const { folds, given } = open(counting)
    folds.handle(raw({ seq: 1, ms: 100_000 }))
    folds.handle(raw({ seq: 2, ms: 100_500, stamp }))
    return given[1]
  }

  it('is its stamp', () => {
    expect(two(99_500)).toBe('c fire e2')
    expect(two(98_000)).toBe('c suppress e2')
  })

  it('is never after it was stored', () => {
    expect(two(200_000)).toBe('c fire e2')
  })

  it('is not longer ago than late events are taken for', () => {
    const { folds, given } = open(counting)
    folds.handle(raw({ seq: 1, ms: 40_500 }))
    folds.handle(raw({ seq: 2, ms: 100_500, stamp: 0 }))
    expect(given[1]).toBe('c fire e2')
  })
})

describe('an event that is passed over', () => {
  it('is malformed, or not believed, and is named in the log', () => {
    const { folds, given, lines } = open(
      'rule: all\non: "**"\ncount: { at_least: 2, within: 1m }\ndo: runner.test.arg\n',
    )
    folds.handle(raw({ seq: 1, ms: 0, text: '{"data": 5}' }))
    folds.handle(raw({ seq: 2, ms: 0, tag: 'salt/key', origin: minionOrigin('web1') }))
    expect(given).toEqual([])
    expect(lines.items.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq)).toEqual([1, 2])
    folds.handle(raw({ seq: 3, ms: 0 }))
    expect(given).toEqual(['all suppress e3'])
  })

  it('is never read where no rule wants it', () => {
    const { folds } = open()
    const event = raw({ seq: 1, ms: 0, tag: 'other/tag' })
    const fail = (): never => {
      throw new Error('it was read')
    }
    folds.handle({
      subject: event.subject,
      text: fail,
      header: fail,
      get storedMs() {
        return fail()
      },
      get seq() {
        return fail()
      },
    })
  })
})

describe('an event that the rule itself has caused', () => {
  const echo = { hops: 3, chain: 'other,r' }
  const KINDS: [string, string][] = [
    ['group', 'group: { for: 1s }'],
    ['count', 'count: { at_least: 2, within: 1m }'],
    ['once_after', 'throttle: { once_after: 1s }'],
    ['all_of', 'all_of: { events: [{ on: n/a }, { on: n/b }], within: 1m }'],
    ['absent', 'absent: { for: 1s, until: end/* }'],
  ]

  it.each(KINDS)('is no part of a window: %s', (_kind, part) => {
    const { folds, given, fires } = open(
      `rule: r\n${part.startsWith('all_of') ? '' : 'on: n/*\n'}${part}\ndo: runner.test.arg\n`,
    )
    folds.handle(raw({ seq: 1, ms: 0, ...echo }))
    folds.handle(raw({ seq: 2, ms: 10 }))
    folds.handle(raw({ seq: 3, ms: 20, tag: 'n/b', hops: 2, chain: 'third' }))
    folds.advance(START + 5000)
    expect(given[0]).toBe('r loop e1')
    expect(fires.map(({ event }) => [event.hops, event.chain])).toEqual([[2, 'third']])
    expect(fires[0]!.event.id).not.toBe('e1')
  })

  it('holds back no other', () => {
    const { folds, given } = open('rule: r\non: n/*\nthrottle: { once_within: 1h }\ndo: runner.test.arg\n')
    folds.handle(raw({ seq: 1, ms: 0, hops: 64 }))
    folds.handle(raw({ seq: 2, ms: 10 }))
    expect(given).toEqual(['r loop e1', 'r fire e2'])
  })

  it('counts where the rule allows it, and hands on the causes of all', () => {
    const { folds, fires } = open('rule: r\non: n/*\nrecursion: 1\ngroup: { for: 1s }\ndo: runner.test.arg\n')
    folds.handle(raw({ seq: 1, ms: 0, hops: 1, chain: 'first' }))
    folds.handle(raw({ seq: 2, ms: 10, ...echo }))
    folds.advance(START + 5000)
    expect(fires.map(({ event }) => [event.id, event.hops, event.chain])).toEqual([['e1', 3, 'first,other,r']])
  })
})

describe('a rule that is off', () => {
  const open2 = (part: string) => {
    const text = `rule: r\non: n/a\n${part}\ndo: runner.test.arg\n`
    const opened = open(text)
    return { ...opened, turn: (hash: string, off: string[]) => opened.folds.use(bundleOf(hash, text, off), 0) }
  }

  it('knows what has happened when it is on again', () => {
    const { folds, given, turn } = open2('absent: { for: 2h, until: end/* }')
    folds.handle(raw({ seq: 1, ms: 0 }))
    turn('b2', ['r'])
    folds.handle(raw({ seq: 2, ms: 100, tag: 'end/a' }))
    turn('b3', [])
    folds.advance(START + 1e8)
    expect(given).toEqual(['r suppress e1', 'r suppress e2'])
  })

  it('is not silent while its events come', () => {
    const { folds, fires, turn } = open2('absent: { for: 10s }')
    folds.handle(raw({ seq: 1, ms: 0 }))
    turn('b2', ['r'])
    for (let n = 1; n < 10; n++) folds.handle(raw({ seq: n + 1, ms: n * 9000 }))
    turn('b3', [])
    folds.advance(START + 90_999)
    expect(fires).toEqual([])
    folds.advance(START + 91_000)
    expect(fires.map(({ trigger }) => trigger.event.id)).toEqual(['e10'])
  })

  it('holds nothing back later by what it did not do', () => {
    const { folds, given, turn } = open2('throttle: { once_within: 1h }')
    turn('b2', ['r'])
    folds.handle(raw({ seq: 1, ms: 0 }))
    turn('b3', [])
    folds.handle(raw({ seq: 2, ms: 10 }))
    expect(given).toEqual(['r fire e1', 'r fire e2'])
  })
})

describe('keys', () => {
  const pairs = (one: unknown, other: unknown) => {
    const { folds, given } = open(
      'rule: c\non: n/*\ncount: { at_least: 2, within: 1m, by: "{{ data.k }}" }\ndo: runner.test.arg\n',
    )
    folds.handle(raw({ seq: 1, ms: 0, data: { k: one } }))
    folds.handle(raw({ seq: 2, ms: 1, data: { k: other } }))
    return given[1] === 'c fire e2'
  }

  it('are the same for maps of another order, and told apart however long they are', () => {
    expect(pairs({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true)
    expect(pairs({ a: 1 }, { a: 2 })).toBe(false)
    const long = 'h'.repeat(1000)
    expect(pairs(`${long}host1`, `${long}host2`)).toBe(false)
    expect(pairs(`${long}host1`, `${long}host1`)).toBe(true)
  })
})
