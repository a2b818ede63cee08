import { afterAll, beforeAll, expect, it } from 'vitest'
import { parkReaction } from '../../src/bus/park.ts'
import type { Parked } from '../../src/protocol/reaction.ts'
import { openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const parked = (key: string, origin: string): Parked => ({
  key,
  reason: 'why',
  reaction: { rule: 'r', bundle: 'b', event: { id: 'e1', tag: 'a', origin, seq: 1, storedMs: 1, hops: 0 } },
})

it('what is parked is not replaced by what comes under the same event id later, and that is no error', async () => {
  const { nc, ns, subjects, publisher } = await openCore(server)
  expect(await parkReaction(publisher, subjects, parked('e1/r', 'web1'))).toBe(true)
  // Another key, as after the window in which the server knows the first one's id.
  expect(await parkReaction(publisher, subjects, parked('e1/r again', 'evil'))).toBe(false)
  const stored = await storedIn<Parked>(nc, `${ns}_PARKED`)
  expect(stored.map(({ body }) => body.reaction.event.origin)).toEqual(['web1'])
})

it('what is parked twice by one attempt is stored once, and counts as parked both times', async () => {
  const { nc, ns, subjects, publisher } = await openCore(server)
  const twice = [parked('e1/r', 'web1'), parked('e1/r', 'web1')]
  expect(await Promise.all(twice.map(each => parkReaction(publisher, subjects, each)))).toEqual([true, true])
  expect((await storedIn<Parked>(nc, `${ns}_PARKED`)).map(({ id }) => id)).toEqual(['parked/e1/r'])
  expect(await parkReaction(publisher, subjects, { ...parked('e1/r', 'web1'), attempt: 2 })).toBe(false)
})
