// A local call on servers that the minion's own process would not get far with.
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { parseConfig } from '../../src/config/load.ts'
import { runLocally } from '../../src/processes/local.ts'
import type { Returning } from '../../src/protocol/returning.ts'
import { openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const run = async (namespace: string, fun: string, arg: unknown[], returning: Returning = {}) =>
  runLocally(
    parseConfig(
      {
        isolation: 'none',
        servers: [server.url],
        namespace,
        minion: { id: 'web1', dir: await testFolder() },
      },
      'the test',
    ),
    { fun, arg, kwarg: {}, user: 'ada', returning },
    { masterless: false, signal: new AbortController().signal, log: silentLog },
  )

describe('a local call', () => {
  it('gives its return back where nobody stores it, and says that it is not stored', async () => {
    const { returned, unstored } = await run('nobody-here', 'test.echo', ['hello'])
    expect(returned).toMatchObject({ return: 'hello', success: true })
    expect(unstored).toMatchObject({
      message: expect.stringMatching(/^it ran as job \d{20}, but its return is not stored: /),
    })
  })

  it('is stored as the minion itself would, and says nothing then', async () => {
    const { ns, events } = await openCore(server)
    const { returned, unstored } = await run(ns, 'test.echo', ['hello'])
    expect(unstored).toBeUndefined()
    const { data } = await events.find(({ tag }) => tag === `salt/job/${returned.jid}/ret/web1`, 'its return')
    expect(data).toMatchObject({ return: 'hello', success: true, fun: 'test.echo' })
  })

  it('says that only the minion itself has its schedule', async () => {
    const { returned } = await run((await openCore(server)).ns, 'schedule.list', [])
    expect(returned).toMatchObject({
      success: false,
      return: "the schedule is the minion's own: 'reactor call' asks it",
    })
  })

  it('is given to its returners besides, and says all that does not have it', async () => {
    const { ns, events } = await openCore(server)
    const filename = join(await testFolder(), 'returns.jsonl')
    const returning = { ret: 'rawfile_json', ret_kwargs: { filename } }
    const { returned, unstored } = await run(ns, 'test.echo', ['hello'], returning)
    expect(unstored).toBeUndefined()
    await events.find(({ tag }) => tag === `salt/job/${returned.jid}/ret/web1`, 'its return')
    expect(JSON.parse(await readFile(filename, 'utf8'))).toMatchObject({ jid: returned.jid, return: 'hello' })
    const nowhere = { ret: 'rawfile_json', ret_kwargs: { filename: tmpdir() } }
    expect((await run('nobody-here', 'test.echo', ['hello'], nowhere)).unstored?.message).toMatch(
      /its return is not stored: .*; the returner 'rawfile_json' does not have its return: /,
    )
  })

  it('whose large return nobody takes gives it back whole, and stores why it is not there', async () => {
    const { ns, events } = await openCore(server)
    const large = 'x'.repeat(2_000_000)
    const { returned } = await run(ns, 'test.echo', [large])
    expect(returned).toMatchObject({ return: large, success: true })
    const { data } = await events.find(({ tag }) => tag === `salt/job/${returned.jid}/ret/web1`, 'its return')
    expect(data).toMatchObject({ success: false, return: expect.stringContaining('could not be sent apart: nobody') })
  })
})
