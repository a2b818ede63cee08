// Settings that no returner reads, said by the processes that have returners.
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const STRAY = { 'mysqll.host': 'db1', 'syslog.adress': 'udp://127.0.0.1', 'other.syslog.tag': 'x' }

it('are named by a cache worker and by a minion that start with them', async () => {
  const config = async (more: Record<string, unknown>) => {
    const dir = await testFolder()
    const own = { minion: { id: 'web1', dir }, cache: { dir } }
    return parseConfig({ isolation: 'none', servers: [server.url], ...own, ...more }, 'the test')
  }
  const [cacheLog, minionLog] = [keptLog(), keptLog()]
  const cache = await startCache(await config(STRAY), cacheLog.log)
  onTestFinished(() => cache.stop())
  const minion = await startMinion(await config(STRAY), minionLog.log)
  onTestFinished(() => minion.stop())
  for (const { lines } of [cacheLog, minionLog]) {
    const said = await lines.find(({ msg }) => msg === 'settings that no returner reads', 'the warning')
    expect(said.settings).toEqual([
      expect.stringContaining("'mysqll.host'"),
      "'syslog.adress': the returner 'syslog' has no setting 'adress'. Did you mean 'address'?",
    ])
  }
})
