import { describe, expect, it } from 'vitest'
import { caller } from '../modules/call.ts'

describe("the master's wheels", () => {
  it('answer with its config and its minions', async () => {
    const state = { config: () => ({ a: 1 }), connected: () => ['web1', 'web2'] } as never
    expect(await caller('wheel', state).call('config.values')).toEqual({ a: 1 })
    expect(await caller('wheel', state).call('minions.connected')).toEqual(['web1', 'web2'])
  })
})
