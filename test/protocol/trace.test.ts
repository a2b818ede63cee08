import { describe, expect, it } from 'vitest'
import { MAX_HOPS } from '../../src/protocol/event.ts'
import {
  boundedChain,
  causedBy,
  extendChain,
  joinChains,
  joinTrace,
  keptTrace,
  readChain,
} from '../../src/protocol/trace.ts'

describe('a chain of causes', () => {
  it('grows by each rule, oldest first, and keeps as many as there can be causes', () => {
    expect(extendChain(undefined, 'a')).toBe('a')
    expect(extendChain('a,b', 'c')).toBe('a,b,c')
    const rules = Array.from({ length: MAX_HOPS + 5 }, (_, n) => `r${n}`)
    const chain = rules.reduce<string | undefined>(extendChain, undefined)
    expect(readChain(chain)).toEqual(rules.slice(-MAX_HOPS))
  })

  it('leaves out the oldest where the names are long', () => {
    const name = (n: number) => `${n}`.repeat(900)
    const chain = [1, 2, 3, 4, 5, 6].map(name).reduce<string | undefined>(extendChain, undefined)
    expect(readChain(chain)).toEqual([3, 4, 5, 6].map(name))
  })

  it('is none where it is empty, or too long to be ours', () => {
    const long = 'x,'.repeat(2001)
    expect([undefined, '', long].map(readChain)).toEqual([[], [], []])
    expect([undefined, '', long, 'a,b'].map(boundedChain)).toEqual([undefined, undefined, undefined, 'a,b'])
    expect(extendChain(long, 'r')).toBe('r')
  })
})

describe('a chain from outside', () => {
  it('keeps what can be a rule’s name, and nothing else', () => {
    expect(boundedChain('a,b:on_failure,c.d-e_1')).toBe('a,b:on_failure,c.d-e_1')
    expect(boundedChain('any,$(touch /tmp/x),a b,_,,a:b,ü,<b>,any')).toBe('any,any')
    expect(boundedChain(`any,${'$'.repeat(3900)}`)).toBe('any')
    expect(boundedChain(`any,${'x'.repeat(101)}`)).toBe('any')
    expect(boundedChain('$,;')).toBeUndefined()
  })
})

describe('causes that come together', () => {
  it('are the rules of both chains, each as often as in the one that has it more often', () => {
    expect(joinChains(undefined, undefined)).toBeUndefined()
    expect([joinChains('a', undefined), joinChains('', 'b')]).toEqual(['a', 'b'])
    expect(joinChains('a,b', 'b,c')).toBe('a,b,c')
    expect(joinChains('r', 'r,r:on_failure')).toBe('r,r:on_failure')
    expect(joinChains('r,f', 'r,f,r,f')).toBe('r,f,r,f')
  })

  it('make what is asked for anew longer by a step, where a rule asked', () => {
    const event = { id: 'e', hops: 2, chain: 'r' }
    expect(joinTrace(event, { hops: 5, chain: 'r,f' })).toEqual({ id: 'e', hops: 6, chain: 'r,f' })
    expect(joinTrace(event, { hops: 5 })).toBe(event)
    expect(joinTrace(event, {})).toBe(event)
  })
})

it('leaves out of a record what is not known of a trace', () => {
  expect(keptTrace({ hops: 3, cause: undefined, chain: '' })).toStrictEqual({})
  expect(keptTrace({ cause: 'e', chain: 'a' })).toStrictEqual({ cause: 'e', chain: 'a' })
  expect(causedBy('1', {})).toStrictEqual({ cause: '1', hops: 0 })
  expect(causedBy('1', { cause: 'e', hops: 2, chain: 'a' })).toStrictEqual({ cause: '1', hops: 2, chain: 'a' })
})
