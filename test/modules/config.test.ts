import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('module config', () => {
  const { call } = caller('execution', {
    config: { 'service.init_dir': '/i', a: 1 } as never,
    grains: { a: 2, b: { c: 3 } },
    pillar: { current: () => ({ value: { b: { c: 4 }, d: [5] }, errors: [] }) } as never,
  })

  it.each([
    ['service.init_dir', '/i'],
    ['a', 1],
    ['b:c', 3],
    ['d:0', 5],
    ['none', ''],
  ])('finds %s in the config, the grains or the pillar, in this order', async (key, value) => {
    expect(await call('config.get', [key])).toEqual(value)
  })

  it('returns the default where there is none', async () => {
    expect(await call('config.get', ['none'], { default: { x: 1 } })).toEqual({ x: 1 })
    expect(await call('config.get', ['b/c'], { delimiter: '/' })).toBe(3)
  })
})
