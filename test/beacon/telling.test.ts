import { describe, expect, it } from 'vitest'
import { look, type Memory } from '../../src/beacon/telling.ts'
import type { Telling } from '../../src/functions/define-beacon.ts'

/** What is told of the states that are found, a second apart; `+x`: it is as it should be. */
function told(states: string, telling: Telling = {}): string {
  let memory: Memory | undefined
  return states
    .split(' ')
    .map((word, at) => {
      const [state, tell] = word.startsWith('+') ? [word.slice(1), false] : [word, true]
      const found = look(memory, { state, tell }, telling, at * 1000)
      memory = found.memory
      return found.told
    })
    .join(' ')
}

describe('what of a state is told', () => {
  it.each<[what: string, states: string, telling: Telling, told: string]>([
    ['each time, as it is without options', 'up up down down', {}, 'change again change again'],
    ['only what is not as it should be', '+ok over over +ok', {}, 'no change again no'],
    ['changes alone', 'up up down down up', { onchangeonly: true }, 'change no change no change'],
    ['changes alone, that all is well again too', '+ok over over +ok', { onchangeonly: true }, 'no change no change'],
    ['not what the first look finds', 'up up down', { emitatstartup: false }, 'no again change'],
    ['changes alone, and not the first', 'down down up', { onchangeonly: true, emitatstartup: false }, 'no no change'],
    ['what has lasted', 'up up up up down up down down down', { delay: 2 }, 'no no change again no again no no change'],
    [
      'changes that have lasted',
      'up up up down up down down down',
      { delay: 2, onchangeonly: true },
      'no no change no no no no change',
    ],
    ['of three states that follow each other the one that lasts', 'a b c c', { delay: 1 }, 'no no no change'],
    [
      'a first state that has lasted, and is not to be told',
      'up up up down down',
      { delay: 1, emitatstartup: false },
      'no no again no change',
    ],
  ])('%s', (_what, states, telling, expected) => {
    expect(told(states, telling)).toBe(expected)
  })

  it('counts a delay anew when the clock is set back', () => {
    const first = look(undefined, { state: 'down' }, { delay: 10 }, 100_000)
    const second = look(first.memory, { state: 'down' }, { delay: 10 }, 50_000)
    expect(second.told).toBe('no')
    expect(look(second.memory, { state: 'down' }, { delay: 10 }, 60_000).told).toBe('change')
  })
})

describe('what only happens', () => {
  it.each<Telling>([{}, { onchangeonly: true }, { emitatstartup: false }, { delay: 60 }])(
    'is always told: %j',
    telling => {
      expect(look(undefined, {}, telling, 0)).toEqual({ memory: undefined, told: 'change' })
    },
  )
})
