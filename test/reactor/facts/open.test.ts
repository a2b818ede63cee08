import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLookUp } from '../../../src/reactor/facts/open.ts'
import { openCore } from '../../helpers/core.ts'
import { testFolder } from '../../helpers/folder.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'

const JID = '20261120091820837210'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

describe('what a reactor looks up', () => {
  it('is the record in the stream of jobs, and nothing where there is none', async () => {
    const { nc, subjects, publisher } = await openCore(server)
    const { lookUp, facts } = await openLookUp(nc, subjects, [])
    expect(facts).toEqual(new Set())
    const about = (jid: string) => ({ tag: `salt/job/${jid}/ret/web1`, data: {}, origin: 'web1', stamp: 's' })
    const record = { jid: JID, fun: 'test.ping', user: '_user-ann', metadata: { ticket: 7 } }
    await publisher.publish(subjects.jobRecord(JID), JSON.stringify(record), { id: 'x' })
    expect(await lookUp([{ fact: 'job' }], about(JID))).toEqual({ job: record, own: {} })
    expect(await lookUp([{ fact: 'job' }], about(JID.replace('2026', '2025')))).toEqual({ own: {} })
  })

  it('are the facts of its module folders', async () => {
    const { nc, subjects } = await openCore(server)
    const dir = await testFolder()
    await mkdir(join(dir, 'facts'))
    const text =
      "import { fact } from 'reactor'\nexport default fact({ doc: 'x', run: ({ origin }) => 'rack of ' + origin })"
    await writeFile(join(dir, 'facts/rack.js'), text)
    const { lookUp, facts } = await openLookUp(nc, subjects, [dir])
    expect(facts).toEqual(new Set(['rack']))
    const event = { tag: 'a', data: {}, origin: 'web1', stamp: 's' }
    expect(await lookUp([{ fact: 'rack' }], event)).toEqual({ own: { rack: 'rack of web1' } })
  })
})
