import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { watchJob } from '../../../src/cli/jobs/watch.ts'
import { cachedJob, newJid, startSystem } from '../../call/system.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen, within } from '../../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
afterEach(() => void vi.restoreAllMocks())

/** What `reactor jobs watch` prints of a job on web1 and web2 of which web1 is lost, and comes back; web2 has ended before. */
async function watchLoss(json: boolean): Promise<{ jid: string; lines: string[]; well: boolean }> {
  const system = await startSystem(server, () => ({}))
  const jid = newJid()
  const returned = { return: 1, retcode: 0, success: true, at: 1 }
  const view = cachedJob(jid, ['web1', 'web2'], { returns: { web2: returned } })
  system.cached.set(jid, view)
  const lines = createSeen<string>()
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    lines.push(String(text).trimEnd())
    return true
  })
  const watched = watchJob(system.bus, view, { json }, new AbortController().signal)
  await lines.reach(2)
  await system.tellPresence({ lost: ['web1', 'web2', 'elsewhere'] })
  await lines.reach(3)
  await system.tellPresence({ new: ['web1'] })
  await lines.reach(4)
  await system.giveReturn(jid, 'web1')
  const well = await within(watched, 'the end')
  return { jid, lines: lines.items, well }
}

it('a minion that is lost with the job in hand is shown so, until it comes back', async () => {
  const { lines, well } = await watchLoss(false)
  expect(lines.map(line => line.replace(/^[\d:]{8} {2}/, ''))).toEqual([
    'web1  running',
    'web2  returned',
    'web1  running, not connected',
    'web1  running',
    'web1  returned',
  ])
  expect(well).toBe(true)
})

it('its lines of JSON have a key for it only while it is lost', async () => {
  const { jid, lines } = await watchLoss(true)
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { jid, minion: 'web1', state: 'running' },
    { jid, minion: 'web2', state: 'returned' },
    { jid, minion: 'web1', state: 'running', lost: true },
    { jid, minion: 'web1', state: 'running' },
    { jid, minion: 'web1', state: 'returned' },
    { jid, counts: { returned: 2 } },
  ])
})
