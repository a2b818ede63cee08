import { expect, it, vi } from 'vitest'
import { createEndings, type Ended } from '../../src/cache/returning/endings.ts'
import { loadOf, returnOf } from '../contract/returners.ts'
import { createGate, createSeen } from '../helpers/wait.ts'

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

it('says once that its store cannot be asked, of however many jobs', async () => {
  let said = 0
  const away = () => Promise.reject(new Error('away'))
  const endings = createEndings({
    ...{ get_load: away, get_jid_minions: away, get_jid: away, save_load: away, end: away },
    onFailure: () => void said++,
  })
  endings.stored(
    [],
    Array.from({ length: 100 }, (_, n) => returnOf(`20261120091820${String(n).padStart(6, '0')}`, 'web1')),
  )
  await endings.stop(30_000)
  expect(said).toBe(1)
})

it('lets no more be stored while too many questions wait for a store that answers, until it fails', async () => {
  const [gate, passed] = [createGate(), createSeen<string>()]
  let away = false
  const answer = async () => {
    await gate.passed
    if (away) throw new Error('away')
    return undefined
  }
  const endings = createEndings({
    ...{ get_load: answer, get_jid_minions: async () => ['web1'], save_load: answer, end: answer },
    ...{ get_jid: async () => ({}), onFailure: () => passed.push('failure') },
  })
  const store = (count: number) =>
    endings.stored(
      [],
      Array.from({ length: count }, (_, n) => returnOf(`20261120091820${String(n).padStart(6, '0')}`, 'web1')),
    )
  store(1000)
  await endings.room()
  store(3000)
  const room = endings.room().then(() => passed.push('room'))
  await new Promise(resolve => setImmediate(resolve))
  expect(passed.items).toEqual([])
  away = true
  gate.open()
  await room
  expect(passed.items).toEqual(['failure', 'room'])
  await endings.stop(30_000)
})
