import { describe, expect, it } from 'vitest'
import { decisionText, readDecisions, type SeenDecision } from '../../src/tail/decision.ts'
import { createThread, type Threaded } from '../../src/tail/thread.ts'

const about = (id: string, seq: number) => ({ id, tag: `tag/${id}`, origin: 'web1', seq, storedMs: 0, hops: 0 })
const stored = (id: string, seq: number, rule = 'r'): SeenDecision => ({
  state: 'stored',
  rule,
  event: about(id, seq),
  actions: [],
  bundle: 'b',
})
const parked = (id: string, seq: number): SeenDecision => ({
  state: 'parked',
  rule: 'r',
  event: about(id, seq),
  reason: 'why',
})
const ended = (id: string, state: 'done' | 'parked' = 'done'): SeenDecision => ({
  state: 'ended',
  rule: 'r',
  event: { id },
  decision: { key: `${id}/r`, rule: 'r', event: id, tag: `tag/${id}`, state, ms: 12, jids: ['1'] },
})
const suppressed = (...ids: string[]): SeenDecision => {
  const events = ids.map(id => ({ id, tag: `tag/${id}` }))
  return { state: 'suppressed', rule: 'r', reason: 'throttle', event: events.at(-1)!, events }
}

function threadOf(filtered = true) {
  const shown: string[] = []
  const show = ({ decision, of }: Threaded) => {
    const state = decision.state === 'ended' ? decision.decision.state : decision.state
    if (decision.state === 'suppressed' && decision.events.length > 1)
      return void shown.push(`${decision.events.length} suppressed`)
    shown.push(`${decision.event.id} ${state}${of ? ` of ${of.tag ?? 'earlier'}` : ''}`)
  }
  const thread = createThread({ wouldShow: () => !filtered, show })
  const pass = (id: string, seq: number, visible = true) => {
    if (visible) thread.eventShown(id, `tag/${id}`)
    thread.passed(seq)
  }
  thread.passed(10)
  return { thread, shown, pass }
}

describe('a reaction', () => {
  it('stands under its event, and names it where others came between', () => {
    const { thread, shown, pass } = threadOf()
    pass('a', 11)
    thread.decision(stored('a', 11))
    pass('b', 12)
    thread.decision(ended('a'))
    expect(shown).toEqual(['a stored', 'a done of tag/a'])
  })

  it('waits for an event that has not come by yet, with all that follows from it', () => {
    const { thread, shown, pass } = threadOf()
    thread.decision(stored('b', 12))
    thread.decision(ended('b'))
    pass('a', 11)
    expect(shown).toEqual([])
    pass('b', 12)
    expect(shown).toEqual(['b stored', 'b done'])
  })

  it('is let go with an event that is not shown', () => {
    const { thread, shown, pass } = threadOf()
    thread.decision(stored('a', 11))
    pass('a', 11, false)
    thread.decision(ended('a'))
    expect(shown).toEqual([])
  })

  it('of an event before the tail began is shown where that event would have been', () => {
    const { thread, shown } = threadOf(false)
    thread.decision(stored('old', 9))
    thread.decision(ended('older'))
    expect(shown).toEqual(['old stored of tag/old', 'older done of earlier'])
  })

  it('that is parked, or stored again in another lane, is told once', () => {
    const { thread, shown, pass } = threadOf()
    pass('a', 11)
    for (const seen of [stored('a', 11), stored('a', 11), parked('a', 11), ended('a', 'parked')]) thread.decision(seen)
    expect(shown).toEqual(['a stored', 'a parked'])
  })

  it('is told again for another attempt, and what a person did beside what the worker did', () => {
    const { thread, shown, pass } = threadOf()
    pass('a', 11)
    const retrying = (more: object): SeenDecision => {
      const seen = ended('a') as SeenDecision & { state: 'ended' }
      return { ...seen, decision: { ...seen.decision, state: 'retrying', ...more } }
    }
    for (const more of [{}, {}, { by: 'ada' }, { attempt: 2 }]) thread.decision(retrying(more))
    expect(shown).toEqual(['a retrying', 'a retrying', 'a retrying'])
  })

  it('that was suppressed is told with others of its rule, as far as their events are shown', () => {
    const { thread, shown, pass } = threadOf()
    pass('a', 11)
    pass('b', 12)
    pass('c', 13, false)
    thread.decision(suppressed('a', 'b', 'c'))
    thread.decision(suppressed('c', 'd'))
    pass('e', 14)
    thread.decision(suppressed('e'))
    expect(shown).toEqual(['2 suppressed', 'e suppressed'])
    const all = threadOf(false)
    all.thread.decision(suppressed('x', 'y', 'z'))
    expect(all.shown).toEqual(['3 suppressed'])
  })

  it('does not wait where too many wait already, but names its event', () => {
    const { thread, shown, pass } = threadOf(false)
    for (let n = 0; n < 2001; n++) thread.decision(stored(`e${n}`, 11 + n))
    expect(shown).toEqual(['e2000 stored of tag/e2000'])
    pass('e0', 11)
    expect(shown[1]).toBe('e0 stored')
  })
})

describe('a decision on the wire', () => {
  const prefix = 'reactor.decision.'
  const NOW = 1000
  const read = (subject: string, body: unknown) => readDecisions(prefix, `${prefix}${subject}`, JSON.stringify(body))
  const text = (subject: string, body: unknown) => read(subject, body).map(seen => decisionText(seen, 80, NOW).text)

  it('is told in words', () => {
    const event = about('a', 1)
    const local = { kind: 'local', fun: 'service.restart', tgt: 'web1', arg: ['nginx'], kwarg: { force: true } }
    const runner = { kind: 'runner', fun: 'http.query', arg: [], kwarg: { url: 'x' } }
    const batch = (...reactions: object[]) => ({ rule: 'r', bundle: 'b', reactions })
    expect(text('reaction.fast.r', batch({ event, actions: [local] }, { event, actions: [], attempt: 2 }))).toEqual([
      'rule r → local.service.restart web1 nginx force=true',
      'rule r (attempt 2) → nothing to do',
    ])
    expect(text('reaction.slow.r', batch({ event, actions: [local, runner] }))).toEqual([
      'rule r → local.service.restart web1, runner.http.query',
    ])
    expect(
      text('reaction.fast._', [batch({ event, actions: [] }), { ...batch({ event, actions: [] }), rule: 's' }]),
    ).toEqual(['rule r → nothing to do', 'rule s → nothing to do'])
    expect(read('reaction.retry.r.a', batch({ event, actions: [local], attempt: 2 }))).toEqual([])
    const parked = { key: 'a/r', reason: 'a\x1b[1mb', reaction: { rule: 'r', bundle: 'b', event } }
    expect(text('parked.a.r', parked)).toEqual(['✗ r parked: a\\x1b[1mb'])
    expect(text('parked.a.r', { ...parked, state: 'held', attempt: 2, reason: '60 minions' })).toEqual([
      '? r held (attempt 2): 60 minions',
    ])
  })

  it('never shows a secret of an action', () => {
    const action = { kind: 'runner', fun: 'http.query', arg: [], kwarg: { url: 'x', password: 'hunter2' } }
    const [seen] = read('reaction.fast.r', {
      rule: 'r',
      bundle: 'b',
      reactions: [{ event: about('a', 1), actions: [action] }],
    })
    expect(decisionText(seen!, 80).text).toBe("rule r → runner.http.query url=x password='[redacted]'")
    expect(JSON.stringify(seen)).not.toContain('hunter2')
  })

  it('of the ledger says what became of it', () => {
    const one = { key: 'a/r', rule: 'r', event: 'a', tag: 't', ms: 1500, jids: ['1', '2'] }
    const told = (...decisions: object[]) => text('done.w', { worker: 'w', decisions })
    const next = NOW + 90_000
    expect(
      told(
        { ...one, state: 'done' },
        { ...one, state: 'done', attempt: 2, ms: 3, jids: [] },
        { ...one, state: 'retrying', jids: [], next, reason: 'no disk' },
        { ...one, state: 'retrying', jids: [], next: 0, attempt: 2, by: 'ada', reason: 'approved' },
        { ...one, state: 'dropped', jids: [], by: 'ada', reason: 'denied' },
        { ...one, state: 'held', jids: [], reason: '60 minions' },
        { ...one, state: 'parked', reason: 'no disk' },
      ),
    ).toEqual([
      '✓ r done in 1.5 s (jid 1, 2)',
      '✓ r done (attempt 2) in 3 ms',
      '↻ r retrying in 90s (attempt 2): no disk',
      '↻ r retrying by ada (attempt 3): approved',
      '– r dropped by ada: denied',
      '? r held: 60 minions',
      '✗ r parked: no disk (jid 1, 2)',
    ])
  })

  it('tells suppressions of a rule in one line, and of a shadow what each would have done', () => {
    const events = ['a', 'b'].map(id => ({ id, tag: `t/${id}` }))
    const told = (suppressed: object[]) => text('done.w', { worker: 'w', decisions: [], suppressed })
    expect(
      told([
        { rule: 'r', reason: 'throttle', bundle: 'b', events },
        { rule: 'r', reason: 'loop', bundle: 'b', events: events.slice(1), details: ['r', 's'] },
        { rule: 'r', reason: 'shadow', bundle: 'b', events, details: ['local.test.ping web1', ''] },
        { rule: 'r', reason: 'off', bundle: 'b', events: [] },
      ]),
    ).toEqual([
      'rule r: 2 suppressed (throttle)',
      'rule r: suppressed (loop: r → s)',
      'rule r (shadow) → local.test.ping web1',
      'rule r (shadow) → nothing to do',
    ])
    expect(() => told([{ rule: 'r' }])).toThrow(/expected suppressed: /)
  })

  it('of a kind that is not known is passed over, and a malformed one is named', () => {
    expect(read('unheard.r', {})).toEqual([])
    expect(() => read('reaction.fast.r', { rule: 'r' })).toThrow(
      /decision on 'reactor\.decision\.reaction\.fast\.r' is malformed: expected \{rule/,
    )
    expect(() => readDecisions(prefix, `${prefix}done.w`, '{')).toThrow(/is malformed/)
  })
})
