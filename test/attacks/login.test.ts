// Coming in: without a key, with a key that is not accepted, with somebody else's name.
import { createUser } from '@nats-io/nkeys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSystem, type System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.stop())

describe('nobody comes in', () => {
  it('without credentials', async () => {
    await expect(system.raw({})).rejects.toThrow(/Authorization/)
  })

  it('with a key that nobody has accepted; it is listed as pending', async () => {
    await expect(system.asMinion('stranger', createUser())).rejects.toThrow(/Authorization/)
    expect(await system.run('wheel', 'key.list', ['pending'])).toEqual({ minions_pre: ['stranger'] })
  })
})
