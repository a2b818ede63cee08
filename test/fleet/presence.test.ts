import { describe, expect, it } from 'vitest'
import { createPresence } from '../../src/fleet/presence.ts'

describe('presence', () => {
  it('is of those whose heartbeat is fresh, sorted', () => {
    const presence = createPresence(1000)
    expect(presence.connected(0)).toEqual([])
    presence.beat('web2', 0)
    presence.beat('web1', 500)
    expect(presence.connected(1000)).toEqual(['web1', 'web2'])
    expect(presence.connected(1001)).toEqual(['web1'])
    presence.beat('web2', 1400)
    expect(presence.connected(1501)).toEqual(['web2'])
  })

  it('counts a minion once, however often it beats', () => {
    const presence = createPresence(1000)
    for (let at = 0; at < 10; at++) presence.beat('web1', at)
    expect(presence.connected(10)).toEqual(['web1'])
  })
})
