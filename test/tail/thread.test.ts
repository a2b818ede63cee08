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
  decision: { key: `${id}/r`, rule: 'r', event: id, state, ms: 12, jids: ['1'] },
})

function threadOf(filtered = true) {
  const shown: string[] = []
  const show = ({ decision, of }: Threaded) => {
    const state = decision.state === 'ended' ? decision.decision.state : decision.state
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
  const read = (subject: string, body: unknown) => readDecisions(prefix, `${prefix}${subject}`, JSON.stringify(body))
  const text = (subject: string, body: unknown) => read(subject, body).map(seen => decisionText(seen, 80).text)

  it('is told in words', () => {
    const event = about('a', 1)
    const local = { kind: 'local', fun: 'service.restart', tgt: 'web1', arg: ['nginx'], kwarg: { force: true } }
    const runner = { kind: 'runner', fun: 'http.query', arg: [], kwarg: { url: 'x' } }
    expect(text('reaction.fast.r', { rule: 'r', event, actions: [local], bundle: 'b' })).toEqual([
      'rule r → local.service.restart web1 nginx force=true',
    ])
    expect(text('reaction.fast.r', { rule: 'r', event, actions: [local, runner], bundle: 'b' })).toEqual([
      'rule r → local.service.restart web1, runner.http.query',
    ])
    expect(
      text('parked.a.r', { key: 'a/r', reason: 'a\x1b[1mb', reaction: { rule: 'r', bundle: 'b', event } }),
    ).toEqual(['✗ r parked: a\\x1b[1mb'])
    const decision = { key: 'a/r', rule: 'r', event: 'a', state: 'done', ms: 1500, jids: ['1', '2'] }
    expect(text('done.w', { worker: 'w', decisions: [decision, { ...decision, ms: 3, jids: [] }] })).toEqual([
      '✓ r done in 1.5 s (jid 1, 2)',
      '✓ r done in 3 ms',
    ])
  })

  it('of a kind that is not known is passed over, and a malformed one is named', () => {
    expect(read('suppressed.r', {})).toEqual([])
    expect(() => read('reaction.fast.r', { rule: 'r' })).toThrow(
      /decision on 'reactor\.decision\.reaction\.fast\.r' is malformed: expected \{rule/,
    )
    expect(() => readDecisions(prefix, `${prefix}done.w`, '{')).toThrow(/is malformed/)
  })
})
