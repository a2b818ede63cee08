import { loadavg } from 'node:os'
import { describe, expect, it } from 'vitest'
import load from '../../src/beacons/load.ts'
import { openBeacon } from './open.ts'

describe('the beacon load', () => {
  it('tells the averages each time where it has no limits', async () => {
    const { poll } = await openBeacon(load, {})
    const [first, ...others] = await poll()
    expect(others).toEqual([])
    expect(Object.keys(first!.data)).toEqual(['1m', '5m', '15m'])
    expect(first!.data['15m']).toBeCloseTo(loadavg()[2]!, 0)
    expect(first!.state).toBeUndefined()
    expect(first!.tell).toBeUndefined()
  })

  it('tells of averages outside their limits, and knows those inside', async () => {
    const outside = await openBeacon(load, { averages: { '1m': [0, 1e9], '15m': [1e6, 1e9] } })
    expect(await outside.poll()).toMatchObject([{ state: 'outside', tell: true }])
    const inside = await openBeacon(load, { averages: { '1m': [0, 1e9], '15m': [0, 1e9] } })
    expect(await inside.poll()).toMatchObject([{ state: 'inside', tell: false }])
  })

  it('refuses limits that are none, and averages that there are not', async () => {
    await expect(openBeacon(load, { averages: { '1m': [2, 1] } })).rejects.toThrow('the lower number first')
    await expect(openBeacon(load, { averages: { '1m': [1] } })).rejects.toThrow('1m')
    await expect(openBeacon(load, { averages: { '2m': [1, 2] } })).rejects.toThrow('2m')
    await expect(openBeacon(load, { '1m': [1, 2] })).rejects.toThrow('1m')
  })
})
