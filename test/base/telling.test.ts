import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTelling } from '../../src/base/telling.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open(options: { atOnce?: number; keep?: number } = {}) {
  const told: [number, string[]][] = []
  return { told, telling: createTelling<string>((count, first) => told.push([count, first]), options) }
}

describe('telling at a bounded pace', () => {
  it('tells the first at once, and those of a minute together', async () => {
    const { told, telling } = open()
    telling.add(['a'])
    expect(told).toEqual([[1, ['a']]])
    telling.add(['b'])
    telling.add(['c', 'd'])
    await vi.advanceTimersByTimeAsync(59_999)
    expect(told).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(told[1]).toEqual([3, ['b']])
    telling.add(['e'])
    expect(told).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told[2]).toEqual([1, ['e']])
  })

  it('is idle after a minute in which nothing came, and tells at once again', async () => {
    const { told, telling } = open()
    expect(telling.idle).toBe(true)
    telling.add([])
    expect([telling.idle, told.length]).toEqual([true, 0])
    telling.add(['a'])
    expect(telling.idle).toBe(false)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(telling.idle).toBe(true)
    telling.add(['b'])
    expect(told).toHaveLength(2)
  })

  it('tells several at once where it may, and keeps the first of those that wait', () => {
    const { told, telling } = open({ atOnce: 2, keep: 3 })
    for (const one of ['a', 'b', 'c', 'd', 'e', 'f']) telling.add([one])
    expect(told).toEqual([
      [1, ['a']],
      [1, ['b']],
    ])
    telling.flush()
    expect(told[2]).toEqual([4, ['c', 'd', 'e']])
    telling.flush()
    expect(told).toHaveLength(3)
  })

  it('tells no more once it is stopped', async () => {
    const { told, telling } = open()
    telling.add(['a'])
    telling.add(['b'])
    telling.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(told).toHaveLength(1)
  })
})
