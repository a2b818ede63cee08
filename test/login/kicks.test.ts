import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CalloutAccount } from '../../src/login/connections.ts'
import { createKicks } from '../../src/login/kicks.ts'
import { keptLog } from '../helpers/core.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open(kick: (account: CalloutAccount, names: ReadonlySet<string>) => Promise<number> = async () => 0) {
  const looks: { at: number; account: CalloutAccount; names: string[] }[] = []
  const { log, lines } = keptLog()
  const began = Date.now()
  const kicks = createKicks({
    connections: {
      kick(account, names) {
        // A timer of 0 ms takes one.
        looks.push({ at: Math.floor((Date.now() - began) / 10) * 10, account, names: [...names] })
        return kick(account, names)
      },
    },
    log,
  })
  return { kicks, looks, lines }
}

describe('cutting somebody off', () => {
  it('looks at once, and again for who was being let in', async () => {
    const { kicks, looks } = open()
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks.map(({ at }) => at)).toEqual([20, 520, 2520])
    expect(looks.every(({ account, names }) => account === 'FLEET' && names.join() === 'web1')).toBe(true)
  })

  it('looks once for all who fall due together, and by account', async () => {
    const { kicks, looks } = open()
    for (let n = 0; n < 1000; n++) kicks.cut('FLEET', `web${n}`)
    kicks.cut('OPS', 'ada')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks.filter(({ account }) => account === 'OPS')).toHaveLength(3)
    const fleet = looks.filter(({ account }) => account === 'FLEET')
    expect(fleet.map(({ names }) => names.length)).toEqual([1000, 1000, 1000])
  })

  it('looks for those together who fall due while it looks', async () => {
    const { kicks, looks } = open(() => new Promise(resolve => setTimeout(resolve, 400, 0)))
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(100)
    kicks.cut('FLEET', 'web2')
    await vi.advanceTimersByTimeAsync(100)
    kicks.cut('FLEET', 'web3')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks[1]).toMatchObject({ at: 420, names: ['web2', 'web3'] })
    expect(looks.flatMap(({ names }) => names).filter(name => name === 'web3')).toHaveLength(3)
  })

  it('looks again where it failed, until it is done', async () => {
    let failures = 3
    const { kicks, looks, lines } = open(async () => {
      if (failures-- > 0) throw new Error('no server answers')
      return 1
    })
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(looks).toHaveLength(6)
    expect(lines.items.filter(({ error }) => error === 'no server answers')).toHaveLength(3)
    expect(lines.items.some(({ msg }) => msg.includes('connections were cut'))).toBe(true)
  })

  it('ends with the service', async () => {
    const { kicks, looks } = open()
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(100)
    await kicks.stop()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks).toHaveLength(1)
  })
})
