import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatStamp, type RawEvent } from '../../../src/protocol/event.ts'
import { minionOrigin, type Origin, serviceOrigin } from '../../../src/protocol/origin.ts'
import { createSubjects } from '../../../src/protocol/subject.ts'
import { createFolds } from '../../../src/reactor/windows/folds.ts'
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
  const { log, lines } = keptLog()
  const folds = createFolds({
    prefix: subjects.eventPrefix,
    grainsOf: () => undefined,
    mine: () => true,
    emit: ({ rule }, _bundle, output) => given.push(`${rule.rule} ${output.do} ${output.event.id}`),
    gaveWay: () => undefined,
    log,
    maxKeys: 100,
    late: 60_000,
  })
  folds.use(rules === undefined ? ALL : bundleOf('b1', rules), 0)
  return { folds, given, lines }
}

interface Given {
  seq: number
  ms: number
  tag?: string
  data?: object
  stamp?: number
  origin?: Origin
  text?: string
}

function raw({ seq, ms, tag = 'n/a', data = {}, stamp = ms, origin = serviceOrigin('_jobs'), text }: Given): RawEvent {
  return {
    subject: subjects.event(origin, tag),
    text: () => text ?? JSON.stringify({ tag, data: { k: 'x', ...data }, _stamp: formatStamp(START + stamp) }),
    header: name => (name === 'Nats-Msg-Id' ? `e${seq}` : undefined),
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
