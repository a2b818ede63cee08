import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readBatch } from '../../src/bus/read-batch.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { openCore } from '../helpers/core.ts'
import { lagging } from '../helpers/lagging.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ALL = { messages: 100, bytes: 1_000_000 }

async function open() {
  const core = await openCore(server)
  const { events, parked } = streamNames(core.ns)
  return { ...core, events, behind: (reads?: number) => lagging(core.nc, events, parked, reads) }
}

describe('a batch', () => {
  it.each([
    ['from a sequence', { seq: 1 }],
    ['from a time', { since: 0 }],
    ['of some subjects', { seq: 1, subject: '*.event.*.my.>' }],
  ])('%s is not empty because the node that answers has yet to get what is stored', async (_what, from) => {
    const { fire, behind, events } = await open()
    await fire('my/1', {})
    expect(await readBatch(behind(3), events, from, ALL)).toMatchObject([{ seq: 1 }])
  })

  it.each([
    ['behind the last', { seq: 2 }],
    ['after the last', { since: Date.now() + 3_600_000 }],
    ['of subjects that nobody has fired on', { seq: 1, subject: '*.event.*.your.>' }],
  ])('%s is empty', async (_what, from) => {
    const { nc, fire, events } = await open()
    await fire('my/1', {})
    expect(await readBatch(nc, events, from, ALL)).toEqual([])
  })

  it('is empty in an empty stream', async () => {
    const { nc, events } = await open()
    expect(await readBatch(nc, events, { seq: 1 }, ALL)).toEqual([])
    expect(await readBatch(nc, events, { since: 0 }, ALL)).toEqual([])
  })

  it('cannot be read where a node stays behind, or there is no such stream, and on a closed connection', async () => {
    const { nc, ns, fire, events, behind } = await open()
    await fire('my/1', {})
    const jsm = await jetstreamManager(nc)
    const late = { code: 'unreachable', message: expect.stringContaining('has been behind for 10 s') }
    await expect(readBatch(behind(), events, { seq: 1 }, ALL)).rejects.toMatchObject(late)
    await jsm.streams.delete(streamNames(ns).parked)
    await expect(readBatch(nc, streamNames(ns).parked, { seq: 1 }, ALL)).rejects.toMatchObject({ code: 'unreachable' })
    await nc.close()
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await expect(readBatch(nc, events, { seq: 1 }, ALL)).rejects.toThrow(/closed/)
    expect(timers).not.toHaveBeenCalled()
    timers.mockRestore()
  })
})
