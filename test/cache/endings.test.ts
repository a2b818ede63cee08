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
    get_jid_minions: () => store(['web1']),
    get_jid: () => Promise.reject(new Error('the returns were read')),
    save_load: async () => undefined,
    end: async one => void ended.push(one),
    onFailure: () => undefined,
  })
  endings.stored([], [returnOf(jid, 'web1')])
  await vi.advanceTimersByTimeAsync(6000)
  away = false
  await vi.advanceTimersByTimeAsync(600_000)
  expect(ended.map(one => one.jid)).toEqual([jid])
  vi.useRealTimers()
  await endings.stop(1000)
})

it('keeps the load of every job that minions ran by themselves, however many come at once, and at a stop', async () => {
  const loads: string[] = []
  let most = 0
  let now = 0
  const endings = createEndings({
    get_load: async () => {
      most = Math.max(most, ++now)
      await new Promise(resolve => setImmediate(resolve))
      now -= 1
      return undefined
    },
    get_jid_minions: async () => ['web1'],
    get_jid: async jid => ({ web1: returnOf(jid, 'web1') }),
    save_load: async given => void loads.push(...given.map(load => load.jid)),
    end: async () => undefined,
    onFailure: error => {
      throw error
    },
  })
  const jids = Array.from({ length: 1500 }, (_, n) => `20261120091820${String(n).padStart(6, '0')}`)
  endings.stored(
    [],
    jids.map(jid => returnOf(jid, 'web1')),
  )
  await endings.stop(30_000)
  expect(loads.sort()).toEqual(jids)
  expect(most).toBeLessThanOrEqual(2)
})
