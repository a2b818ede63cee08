import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openPending } from '../../src/jobs/control/pending.ts'
import { createParking } from '../../src/jobs/reactions/parking.ts'
import type { Parked } from '../../src/protocol/reaction.ts'
import { openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const { nc, ns, subjects, publisher } = await openCore(server)
  const alarms = { raise: () => undefined, clear: () => undefined }
  const parts = { subjects, publisher, alarms, pending: await openPending(nc, subjects) }
  const stopping = new AbortController().signal
  const parking = createParking({ ...parts, clock: systemClock, log: silentLog, stopping })
  return { parking, stored: () => storedIn<Parked>(nc, `${ns}_PARKED`) }
}

const parked = (attempt: number, reason = 'why'): Parked => ({
  ...{ key: 'e1/r', attempt, reason },
  reaction: reaction('e1', [], 'r', { attempt }),
})

it('what was parked and taken away is parked again, though its stream remembers it', async () => {
  const { parking, stored } = await open()
  const one = parked(1)
  await parking.park(one)
  await parking.remove((await parking.find(one.reaction as never))!)
  expect(await stored()).toEqual([])
  await parking.park(one)
  expect(await stored()).toMatchObject([{ body: { key: 'e1/r' } }])
})

it('what is taken away is what was found, and nothing that came after it', async () => {
  const { parking, stored } = await open()
  await parking.park(parked(1))
  const found = (await parking.find(parked(1).reaction as never))!
  await parking.remove(found)
  await parking.park(parked(2))
  await parking.remove(found)
  expect((await stored()).map(({ body }) => body.attempt)).toEqual([2])
})

it('a later attempt takes the place of an earlier one, and never the other way round', async () => {
  const { parking, stored } = await open()
  await parking.park(parked(1))
  await parking.park(parked(3))
  await parking.park(parked(2))
  expect((await stored()).map(({ body }) => body.attempt)).toEqual([3])
  expect(await parking.find(parked(2).reaction as never)).toBeUndefined()
})
