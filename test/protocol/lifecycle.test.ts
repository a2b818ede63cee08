import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FIRST_STATE,
  isClosed,
  type KnownOfMinion,
  MINION_STATES,
  type MinionFact,
  type MinionState,
  minionState,
  nextState,
  stateOf,
} from '../../src/protocol/lifecycle.ts'

const FACTS: readonly MinionFact[] = [
  'accepted',
  'running',
  'refused',
  'start_over',
  'run_over',
  'returned',
  'failed',
  'died',
  'timed_out',
]
const facts = fc.array(fc.constantFrom(...FACTS), { maxLength: 12 })

describe('what is known of a job on a minion', () => {
  it.each<[MinionState, MinionFact[]]>([
    ['offline', []],
    ['offline', ['start_over', 'run_over']],
    ['accepted', ['accepted']],
    ['running', ['running']],
    ['running', ['accepted', 'running']],
    ['returned', ['accepted', 'running', 'returned']],
    ['failed', ['running', 'failed']],
    ['failed', ['refused']],
    ['died', ['running', 'died']],
    ['timed_out', ['accepted', 'start_over']],
    ['timed_out', ['running', 'run_over']],
    ['timed_out', ['running', 'timed_out']],
    // A minion that was away came back and ran it.
    ['running', ['start_over', 'running']],
    // Its own word weighs more than a time that is over.
    ['returned', ['running', 'run_over', 'returned']],
    ['died', ['accepted', 'start_over', 'died']],
    ['returned', ['returned']],
  ])('amounts to %s after %j', (state, known) => {
    expect(stateOf(new Set(known))).toBe(state)
  })

  it('is one of the seven states, whatever is known', () => {
    fc.assert(fc.property(facts, known => MINION_STATES.includes(stateOf(new Set(known)))))
  })

  it('does not depend on the order in which it became known, nor on hearing it twice', () => {
    const shuffled = facts.chain(known =>
      fc.tuple(fc.constant(known), fc.shuffledSubarray([...known, ...known], { minLength: known.length * 2 })),
    )
    fc.assert(fc.property(shuffled, ([known, again]) => stateOf(new Set(again)) === stateOf(new Set(known))))
  })

  it('never leaves what a minion said of its end', () => {
    for (const state of ['returned', 'failed', 'died'] as const)
      for (const fact of FACTS) expect(nextState(state, fact)).toBe(state)
  })

  it('is drawn in the docs as it is', () => {
    const page = readFileSync(new URL('../../docs/jobs.md', import.meta.url), 'utf8')
    const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+): (\w+)$/gm)].map(
      ([, from, to, fact]) => `${from} ${to} ${fact}`,
    )
    const arrows = MINION_STATES.flatMap(from =>
      FACTS.map(fact => ({ from, to: nextState(from, fact), fact })).filter(({ to }) => to !== from),
    )
    expect(drawn.sort()).toEqual(arrows.map(({ from, to, fact }) => `${from} ${to} ${fact}`).sort())
  })

  it('can reach every state from the first', () => {
    const reached = new Set<MinionState>([FIRST_STATE])
    for (const state of reached) for (const fact of FACTS) reached.add(nextState(state, fact))
    expect([...reached].sort()).toEqual([...MINION_STATES].sort())
  })
})

describe('a minion at a time', () => {
  const times = { deadline: 1000, runUntil: 2000 }
  const known = (more: Partial<KnownOfMinion>): KnownOfMinion => ({
    sent: undefined,
    started: false,
    outcome: undefined,
    ...more,
  })

  it.each<[MinionState, number, Partial<KnownOfMinion>]>([
    ['offline', 0, {}],
    ['offline', 0, { sent: 'offline' }],
    ['offline', 9999, { sent: 'offline' }],
    ['failed', 0, { sent: 'refused' }],
    ['accepted', 1000, { sent: 'accepted' }],
    ['timed_out', 1001, { sent: 'accepted' }],
    ['running', 1001, { sent: 'accepted', started: true }],
    ['running', 2000, { sent: 'running' }],
    ['timed_out', 2001, { sent: 'running' }],
    ['returned', 2001, { sent: 'running', outcome: 'returned' }],
    ['timed_out', 0, { sent: 'running', outcome: 'timed_out' }],
    ['returned', 0, { outcome: 'returned' }],
    ['running', 1500, { sent: 'offline', started: true }],
    // A return before the account of the sending that says the minion was away.
    ['returned', 0, { sent: 'offline', outcome: 'returned' }],
  ])('is %s at %i when %j is known', (state, now, more) => {
    expect(minionState(known(more), times, now)).toBe(state)
  })

  it('is closed once nothing more is to be expected of it', () => {
    const open = (startOver: boolean) => MINION_STATES.filter(state => !isClosed(state, startOver))
    expect(open(false)).toEqual(['offline', 'accepted', 'running'])
    expect(open(true)).toEqual(['accepted', 'running'])
  })
})
