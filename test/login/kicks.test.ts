import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CalloutAccount } from '../../src/login/connections.ts'
import { createKicks } from '../../src/login/kicks.ts'
import { keptLog } from '../helpers/core.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type Kick = (account: CalloutAccount, names: ReadonlySet<string>) => Promise<{ cut: number; silent: string[] }>
const nobody = { cut: 0, silent: [] }

function open(kick: Kick = async () => nobody) {
  const looks: { at: number; account: CalloutAccount; names: string[]; stallMs: number }[] = []
  const forgotten: string[] = []
  const { log, lines } = keptLog()
  const began = Date.now()
  const kicks = createKicks({
    connections: {
      kick(account, names, stallMs) {
        // A timer of 0 ms takes one.
        looks.push({ at: Math.floor((Date.now() - began) / 10) * 10, account, names: [...names], stallMs })
        return kick(account, names)
      },
      forget: names => void forgotten.push(...names),
    },
    log,
  })
  return { kicks, looks, lines, forgotten }
}

describe('cutting somebody off', () => {
  it('looks at once, and again for who was being let in', async () => {
    const { kicks, looks } = open()
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks.map(({ at }) => at)).toEqual([20, 520, 2520])
    // Later looks wait longer for servers that are slow.
    expect(looks.map(({ stallMs }) => stallMs)).toEqual([250, 1000, 2000])
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
    const { kicks, looks } = open(() => new Promise(resolve => setTimeout(resolve, 400, nobody)))
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(100)
    kicks.cut('FLEET', 'web2')
    await vi.advanceTimersByTimeAsync(100)
    kicks.cut('FLEET', 'web3')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks[1]).toMatchObject({ at: 420, names: ['web2', 'web3'] })
    expect(looks.flatMap(({ names }) => names).filter(name => name === 'web3')).toHaveLength(3)
  })

  it('has nobody wait until a long look at others is over', async () => {
    const { kicks, looks } = open(
      (_account, names) => new Promise(resolve => setTimeout(resolve, names.has('ada') ? 2000 : 0, nobody)),
    )
    kicks.cut('OPS', 'ada')
    await vi.advanceTimersByTimeAsync(2600)
    kicks.cut('OPS', 'bob')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(looks.filter(({ names }) => names.includes('bob'))[0]).toMatchObject({ at: 2620, stallMs: 250 })
  })

  it('looks again where it failed, until it is done', async () => {
    let failures = 3
    const { kicks, looks, lines } = open(async () => {
      if (failures-- > 0) throw new Error('no server answers')
      return { cut: 1, silent: [] }
    })
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(looks).toHaveLength(6)
    expect(lines.items.filter(({ error }) => error === 'no server answers')).toHaveLength(3)
    expect(lines.items.some(({ msg }) => msg.includes('connections were cut'))).toBe(true)
  })

  it('says which server that was there does not tell its connections, and looks once more', async () => {
    const { kicks, looks, lines, forgotten } = open(async () => ({
      cut: 0,
      silent: forgotten.length > 0 ? [] : ['n2'],
    }))
    kicks.cut('FLEET', 'web1')
    await vi.advanceTimersByTimeAsync(2000)
    // It may only be slow.
    expect(lines.items).toEqual([])
    await vi.advanceTimersByTimeAsync(100_000)
    expect(lines.items).toMatchObject([{ servers: ['n2'], names: ['web1'], account: 'FLEET' }])
    expect(looks.map(({ at }) => at)).toEqual([20, 520, 2520, 32_520])
    expect(forgotten).toEqual(['n2'])
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
