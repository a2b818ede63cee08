// In a cluster any node may answer a read, and be a moment behind: what was stored is found all the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openMissed } from '../../src/jobs/missed.ts'
import { createTellFailure } from '../../src/jobs/reactions/failure.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import { bucketNames, streamNames } from '../../src/protocol/streams.ts'
import { openBundleObjects } from '../../src/reactor/bundle/objects.ts'
import { openCore } from '../helpers/core.ts'
import { lagging } from '../helpers/lagging.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { reaction } from '../jobs/reactions.ts'
import { openWorker } from '../jobs/worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const core = await openCore(server)
  const { parked } = streamNames(core.ns)
  return { ...core, behind: (stream: string, reads?: number) => lagging(core.nc, stream, parked, reads) }
}

describe('asked of a node that is behind', () => {
  it('a large value is there', async () => {
    const { nc, ns, behind } = await open()
    const options = { keepMs: 3_600_000, maxBytes: 8 * 1024 * 1024, replicas: 1 }
    await (await openPayloadStore(nc, ns, options)).put('m1.x', 0, Buffer.from('large'))
    const elsewhere = await openPayloadStore(behind(`OBJ_${bucketNames(ns).payloads}`), ns, options)
    expect(Buffer.from((await elsewhere.get('m1.x', 0))!).toString()).toBe('large')
  })

  it('a bundle of rules is whole', async () => {
    const { nc, ns, behind } = await open()
    const text = JSON.stringify([{ rule: 'r', at: 'x'.repeat(300_000) }])
    await (await openBundleObjects(nc, ns, 1)).store('hash', text)
    const elsewhere = await openBundleObjects(behind(`OBJ_${bucketNames(ns).bundles}`), ns, 1)
    expect(JSON.stringify(await elsewhere.load('hash'))).toBe(text)
  })

  it('a minion gets the jobs that it missed', async () => {
    const core = await open()
    const { ns, subjects, publisher, behind } = core
    const { publish, records } = await openWorker(core, { web1: undefined })
    const { jid } = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'root' })
    const missed = await openMissed({ nc: behind(`${ns}_JOBS`, 3), subjects, publisher, records, now: Date.now })
    expect((await missed.page('web1', [])).jobs.map(job => job.jid)).toEqual([jid])
  })

  it('a failure tells the data of its event', async () => {
    const { ns, subjects, fire, events, behind } = await open()
    const { id, seq } = await fire('my/tag', { disk: 'full' })
    const tellFailure = await createTellFailure({
      ...{ nc: behind(streamNames(ns).events), subjects, fire },
      ...{ clock: systemClock, log: silentLog, stopping: new AbortController().signal },
    })
    const failed = reaction(id, [])
    const decision = { key: `${id}/r`, rule: 'r', event: id, tag: 'my/tag', state: 'parked', ms: 1, jids: [] } as const
    await tellFailure({ ...failed, event: { ...failed.event, seq } }, `${id}/r/1`, { ...decision, jids: [] })
    const told = await events.find(({ tag }) => tag === 'salt/reactor/failed/r', 'the failure')
    expect(JSON.stringify(told.data)).toContain('"disk":"full"')
  })
})
