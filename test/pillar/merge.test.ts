import { describe, expect, it } from 'vitest'
import { mergePillar } from '../../src/pillar/merge.ts'

type Data = Record<string, unknown>
const merged = (under: Data, over: Data, lists = false) => mergePillar(under, over, { strategy: 'smart', lists })

describe('pillar laid over other pillar', () => {
  it.each<[string, Data, Data, Data]>([
    ['maps are merged, deep', { a: { b: { x: 1 } } }, { a: { b: { y: 2 } } }, { a: { b: { x: 1, y: 2 } } }],
    ['the later value counts', { a: 1 }, { a: 2 }, { a: 2 }],
    ['a list takes the place of a list', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['a list takes the place of a map', { a: { b: 1 } }, { a: [1] }, { a: [1] }],
    ['a map takes the place of a text', { a: 'x' }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['null takes the place of a map', { a: { b: 1 } }, { a: null }, { a: null }],
  ])('%s', (_what, under, over, result) => {
    expect(merged(under, over)).toEqual(result)
  })

  it('joins lists where it is told to, without what is there', () => {
    expect(merged({ a: [1, { x: 1 }] }, { a: [{ x: 1 }, 2] }, true)).toEqual({ a: [1, { x: 1 }, 2] })
  })

  it('joins long lists without comparing each with all the others', () => {
    const list = Array.from({ length: 50_000 }, (_, n) => `x${n}`)
    expect(merged({ a: ['x1', 'own'] }, { a: list }, true)).toEqual({
      a: ['x1', 'own', ...list.filter(item => item !== 'x1')],
    })
  })

  it('takes whole keys where it overwrites', () => {
    const result = mergePillar({ a: { b: 1 }, c: 1 }, { a: { d: 1 } }, { strategy: 'overwrite', lists: false })
    expect(result).toEqual({ a: { d: 1 }, c: 1 })
  })

  it('changes nothing of what it is given', () => {
    const under = Object.freeze({ a: Object.freeze({ b: 1 }) })
    merged(under, { a: { c: 2 } })
    expect(under).toEqual({ a: { b: 1 } })
  })

  it('has a key __proto__ as any other', () => {
    const over = JSON.parse('{"__proto__": {"x": 1}}') as Data
    expect(Object.keys(merged({ a: 1 }, over))).toEqual(['a', '__proto__'])
    expect(({} as Data).x).toBeUndefined()
  })
})
