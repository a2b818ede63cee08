import { expect, it, vi } from 'vitest'
import { createEndings, type Ended } from '../../src/cache/returning/endings.ts'
import { loadOf, returnOf } from '../contract/returners.ts'

it('marks the end of a job also where its store was away when it was asked', async () => {
  vi.useFakeTimers()
  const jid = '20261120091820838387'
  const ended: Ended[] = []
  let away = true
  const store = async <T>(value: T): Promise<T> => {
    if (away) throw new Error('away')
    return value
  }
  const endings = createEndings({
    get_load: () => store(loadOf(jid, { minions: ['web1'] })),
    get_jid: () => store({ web1: returnOf(jid, 'web1') }),
    save_load: async () => undefined,
    end: async one => void ended.push(one),
    onFailure: () => undefined,
  })
  endings.stored([], [returnOf(jid, 'web1')])
  await vi.advanceTimersByTimeAsync(6000)
  away = false
  await vi.advanceTimersByTimeAsync(600_000)
  expect(ended.map(one => one.jid)).toEqual([jid])
  endings.stop()
  vi.useRealTimers()
})
