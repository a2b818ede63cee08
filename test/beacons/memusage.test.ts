import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import memusage from '../../src/beacons/memusage.ts'
import { openBeacon } from './open.ts'

const told = (name: string) =>
  Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'latin1'))![1])

describe('the beacon memusage', () => {
  it('counts as used what is not MemAvailable, in percent with one digit', async () => {
    const { poll } = await openBeacon(memusage, { percent: '0%' })
    const [found] = await poll()
    expect(found).toMatchObject({ state: 'over', tell: true })
    const used = 100 * (1 - told('MemAvailable') / told('MemTotal'))
    expect(Math.abs((found!.data.memusage as number) - used)).toBeLessThan(5)
    expect(String(found!.data.memusage)).toMatch(/^\d+(\.\d)?$/)
  })

  it('does not tell of less than is set', async () => {
    const { poll } = await openBeacon(memusage, { percent: 100 })
    expect(await poll()).toMatchObject([{ state: 'under', tell: false }])
  })

  it.each(['63 percent', '', '101%', -1])('refuses %j as a percentage', async percent => {
    await expect(openBeacon(memusage, { percent })).rejects.toThrow('percent')
  })
})
