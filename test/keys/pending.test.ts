import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPendingAlarm } from '../../src/keys/pending.ts'
import { keptLog } from '../helpers/core.ts'

describe('the alarm about pending keys', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function alarm(failing = false) {
    const fired: { tag: string; data: Record<string, unknown> }[] = []
    const { log, lines } = keptLog()
    const running = createPendingAlarm(
      async (tag, data) => {
        fired.push({ tag, data })
        if (failing) throw new Error('the store is full')
        return { id: '', seq: 0 }
      },
      { maxPending: 5, log },
    )
    return { running, fired, lines }
  }

  it('goes off at once, and then at most once a minute, for all that were dropped since', async () => {
    const { running, fired } = alarm()
    running.dropped(['a'])
    expect(fired).toEqual([{ tag: 'salt/alarm/keys/pending_full', data: { dropped: 1, ids: ['a'], max_pending: 5 } }])
    running.dropped(['b', 'c'])
    running.dropped(['d'])
    await vi.advanceTimersByTimeAsync(59_000)
    expect(fired).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(fired[1]?.data).toEqual({ dropped: 3, ids: ['b', 'c', 'd'], max_pending: 5 })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(fired).toHaveLength(2)
    running.dropped(['e'])
    expect(fired).toHaveLength(3)
  })

  it('counts all, and names some', () => {
    const { running, fired } = alarm()
    running.dropped(Array.from({ length: 1000 }, (_, i) => `m${i}`))
    expect(fired[0]?.data.dropped).toBe(1000)
    expect(fired[0]?.data.ids).toHaveLength(20)
  })

  it('stays silent where nothing was dropped, and once it is stopped', async () => {
    const { running, fired } = alarm()
    running.dropped([])
    expect(fired).toEqual([])
    running.dropped(['a'])
    running.dropped(['b'])
    await running.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(fired).toHaveLength(1)
  })

  it('is logged where it cannot be stored', async () => {
    const { running, lines } = alarm(true)
    running.dropped(['a'])
    await vi.advanceTimersByTimeAsync(0)
    expect(lines.items.map(({ msg }) => msg)).toEqual([
      'more keys are pending than are kept: the oldest were dropped',
      'the alarm about pending keys could not be stored',
    ])
  })
})
