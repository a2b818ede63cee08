import { describe, expect, it } from 'vitest'
import { MAX_HOPS } from '../../src/protocol/event.ts'
import { boundedChain, causedBy, extendChain, keptTrace, readChain } from '../../src/protocol/trace.ts'

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

it('leaves out of a record what is not known of a trace', () => {
  expect(keptTrace({ hops: 3, cause: undefined, chain: '' })).toStrictEqual({})
  expect(keptTrace({ cause: 'e', chain: 'a' })).toStrictEqual({ cause: 'e', chain: 'a' })
  expect(causedBy('1', {})).toStrictEqual({ cause: '1', hops: 0 })
  expect(causedBy('1', { cause: 'e', hops: 2, chain: 'a' })).toStrictEqual({ cause: '1', hops: 2, chain: 'a' })
})
