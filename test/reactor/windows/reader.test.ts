import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { streamNames } from '../../../src/protocol/streams.ts'
import { createReader } from '../../../src/reactor/windows/reader.ts'
import { openCore } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen } from '../../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('two that read from the same place have all events each, and a third waits for a name', async () => {
  const { nc, ns, fire } = await openCore(server)
  const stream = { name: streamNames(ns).events, readers: [`${ns}_windows_0`, `${ns}_windows_1`] }
  const open = async () => {
    const seen = createSeen<number>()
    const parts = { nc, stream, onEnd: () => undefined, log: silentLog }
    const reader = createReader({ ...parts, onEvent: ({ seq }) => seen.push(seq) })
    onTestFinished(() => reader.close())
    await reader.open(0)
    return seen
  }
  const both = [await open(), await open()]
  await expect(open()).rejects.toMatchObject({ code: 10148 })
  for (let n = 0; n < 10; n++) await fire('t/1', { n })
  for (const seen of both) expect(await seen.reach(10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})
