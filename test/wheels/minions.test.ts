import { expect, it } from 'vitest'
import { caller } from '../modules/call.ts'

const { call } = caller('wheel', {
  connected: () => ['db1', 'web1'],
  keys: { lists: () => ({ minions: ['web2', 'web1', 'app1'], minions_pre: ['new'] }) },
} as unknown as Parameters<typeof caller>[1])

it('minions who are connected are listed, and those with an accepted key who are not', async () => {
  expect(await call('minions.connected')).toEqual(['db1', 'web1'])
  expect(await call('minions.presence')).toEqual({ connected: ['db1', 'web1'], not_connected: ['app1', 'web2'] })
})
