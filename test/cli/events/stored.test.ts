import { lstat, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SeenEvent } from '../../../src/cache/history.ts'
import { exportEvents, fileSink, type Sink, untilStopped } from '../../../src/cli/events/export.ts'
import { createFilter, type Filters, tellingHowFar } from '../../../src/cli/events/filter.ts'
import { eventLines, newestEvents } from '../../../src/cli/events/list.ts'
import { eventText } from '../../../src/cli/events/text.ts'
import { findEvent, traceEvent } from '../../../src/cli/events/trace.ts'
import { minionOrigin, serviceOrigin } from '../../../src/protocol/origin.ts'
import { createPaint } from '../../../src/tail/colour.ts'
import { type AskHistory, askHistory } from '../../../src/tail/history.ts'
import { findRange, storedEvents } from '../../../src/tail/stored.ts'
import { testFolder } from '../../helpers/folder.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { startServices } from '../../tail/bus.ts'

const TOTAL = 2500
const look = { paint: createPaint(false), columns: 120 }
const warn = (line: string) => expect.fail(line)

let server: TestServer
let services: Awaited<ReturnType<typeof startServices>>
let ask: AskHistory
/** When the last of the numbered events had been stored; those of the log come 20 ms later. */
let between = 0
beforeAll(async () => {
  server = await startTestServer()
  services = await startServices(server.url)
  ask = askHistory(services.bus.nc, services.bus.subjects)
  for (let n = 0; n < TOTAL; n += 100)
    await Promise.all(Array.from({ length: 100 }, (_, i) => services.fire(`count/${(n + i) % 10}`, { n: n + i })))
  // Not the stamp of the last: each is made a while before it is stored.
  between = Date.now()
  while (Date.now() <= between + 20) await new Promise(resolve => setImmediate(resolve))
  await services.fireAs(minionOrigin('web1'))('log/line', { text: 'the disk is "full"', list: ['a', 'b'] })
  await services.fireAs(minionOrigin('db1'))('log/line', { text: 'all is well' })
})
afterAll(async () => {
  await services?.stop()
  await server?.stop()
})

const all = () => findRange(ask, {})
const list = async (globs: string[], filters: Filters = {}, limit = 100) =>
  newestEvents(ask, await findRange(ask, filters), createFilter(globs, filters, warn), limit)
const numbers = (events: readonly SeenEvent[]) => events.map(({ data }) => data.n)

describe('reactor events list', () => {
  it('gives the newest that fit, newest last, and says how many are left out', async () => {
    const found = await list(['count/3'], {}, 3)
    expect(numbers(found.events)).toEqual([2473, 2483, 2493])
    expect(found).toMatchObject({ left_out: 247, more: false })
    expect(await list(['count/3'], {}, 1000)).toMatchObject({ events: { length: 250 }, left_out: 0, more: false })
    expect(await list(['nothing/**'])).toEqual({ events: [], left_out: 0, more: false })
  })

  it('goes by tag, origin, condition and text, all of which must hold', async () => {
    const tags = async (globs: string[], filters: Filters) => {
      const { events, left_out } = await list(globs, filters, 1)
      return [events[0]?.data.text ?? events[0]?.data.n, left_out]
    }
    expect(await tags([], { origin: 'web*' })).toEqual(['the disk is "full"', 0])
    expect(await tags(['!count/**'], {})).toEqual(['all is well', 1])
    expect(await tags([], { grep: 'is "full' })).toEqual(['the disk is "full"', 0])
    expect(await tags([], { grep: '"a","b"' })).toEqual([undefined, 0])
    expect(await tags([], { grep: 'g/lin' })).toEqual(['all is well', 1])
    expect(await tags(['count/**'], { where: ['data.n>=10', 'data.n<12'] })).toEqual([11, 1])
    expect(await tags(['count/1'], { origin: 'db1' })).toEqual([undefined, 0])
  })

  it('goes by the time at which events were stored', async () => {
    expect((await list([], { since: between + 10 })).events.map(({ tag }) => tag)).toEqual(['log/line', 'log/line'])
    expect(numbers((await list([], { until: between + 10 }, 1)).events)).toEqual([TOTAL - 1])
    expect((await list([], { since: Date.now() + 60_000 })).events).toEqual([])
    expect((await list([], { until: 1000 })).events).toEqual([])
    expect(() => createFilter([], { since: 2, until: 1 }, warn)).toThrow('--since is later than --until')
  })

  it('shows each as the tail does, behind its number', async () => {
    const { events } = await list(['log/**'], {}, 2)
    expect(eventLines(events, Date.now(), look, false)).toEqual([
      expect.stringMatching(/^2501 \d\d:\d\d:\d\d\.\d{3} log\/line +web1 .*text='the disk is "full"'/),
      expect.stringMatching(/^2502 .* db1 .*text='all is well'$/),
    ])
  })
})

describe('reactor events export', () => {
  const into = async (sink: Sink, globs: string[] = [], from = ask) =>
    exportEvents(storedEvents(from, await all()), createFilter(globs, {}, warn), sink)

  it('writes every event that fits, in order, a line each, into a file that is whole', async () => {
    const dir = await testFolder()
    const file = join(dir, 'events.ndjson')
    expect(await into(await fileSink(file), ['count/**'])).toEqual({ events: TOTAL, without_data: 0 })
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line).data.n)).toEqual(Array.from({ length: TOTAL }, (_, n) => n))
    expect(Object.keys(JSON.parse(lines[0]!))).toEqual([
      'seq',
      'tag',
      'data',
      'origin',
      'stamp',
      'id',
      'believed',
      'hops',
    ])
    expect(await readdir(dir)).toEqual(['events.ndjson'])
  })

  it('leaves nothing behind when it is stopped, or when it cannot be written', async () => {
    const dir = await testFolder()
    const interrupt = new AbortController()
    // It is stopped while it waits for a page that never comes.
    const hanging: AskHistory = ({ after_seq }) => {
      if (after_seq !== 0) interrupt.abort()
      return after_seq === 0 ? ask({ after_seq }) : new Promise(() => undefined)
    }
    const stopped = into(await fileSink(join(dir, 'a')), [], untilStopped(hanging, interrupt.signal))
    await expect(stopped).rejects.toMatchObject({ code: 'stopped' })
    const full: Sink = { ...(await fileSink(join(dir, 'b'))), write: () => Promise.reject(new Error('full')) }
    await expect(into(full)).rejects.toThrow('full')
    for (const file of [dir, join(dir, 'none', 'c'), '/dev/null'])
      await expect(fileSink(file), file).rejects.toMatchObject({ code: 'unwritable' })
    expect(await readdir(dir)).toEqual([])
  })

  it('takes the place of the file that a link leads to, and leaves the link', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'old'), 'as it was before')
    await symlink('old', join(dir, 'newest'))
    await into(await fileSink(join(dir, 'newest')), ['log/**'])
    expect(await readFile(join(dir, 'old'), 'utf8')).toMatch(/^\{"seq":2501,.*\n\{"seq":2502,.*\n$/)
    expect((await lstat(join(dir, 'newest'))).isSymbolicLink()).toBe(true)
  })
})

describe('reactor events show', () => {
  const JID = '20261120091820838387'

  it('finds an event by its number and by its id', async () => {
    const range = await all()
    const byNumber = await findEvent(ask, range, '7')
    expect(byNumber.seq).toBe(7)
    expect(await findEvent(ask, range, byNumber.id)).toEqual(byNumber)
    for (const name of ['999999', 'nobody-has-this', JID, 'seq-7-1'])
      await expect(findEvent(ask, range, name)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('says on the way how much it has looked at', async () => {
    const said: string[] = []
    const page = { events: [], last_seq: 120_000 }
    const empty: AskHistory = async ({ after_seq = 0, limit = 0 }) => ({ ...page, next_seq: after_seq + limit })
    const looking = tellingHowFar(empty, line => said.push(line))
    await expect(findEvent(looking, { from: 1, to: 120_000 }, 'nobody')).rejects.toMatchObject({ code: 'not_found' })
    expect(said.map(line => line.split(' ')[2])).toEqual(['50,000', '100,000'])
  })

  it('shows what caused it and what it caused, over the jobs in between', async () => {
    const [web1, jobs] = [services.fireAs(minionOrigin('web1')), services.fireAs(serviceOrigin('_jobs'))]
    const first = await web1('my/first', {})
    await jobs(`salt/job/${JID}/new`, { jid: JID, fun: 'test.ping' }, { cause: first.id, hops: 1, chain: 'greet' })
    const returned = await web1(
      `salt/job/${JID}/ret/web1`,
      { jid: JID, fun: 'test.ping', return: true },
      { cause: JID, hops: 2 },
    )
    await web1('my/other', {})
    const traced = async (name: string) => traceEvent(ask, await all(), await findEvent(ask, await all(), name))
    const top = await traced(first.id)
    expect([top.causes, top.caused.map(({ tag }) => tag), top.more]).toEqual([
      [],
      [`salt/job/${JID}/new`, `salt/job/${JID}/ret/web1`],
      false,
    ])
    const bottom = await traced(String(returned.seq))
    expect(bottom.causes.map(({ tag }) => tag)).toEqual(['my/first', `salt/job/${JID}/new`])
    const text = eventText(bottom, Date.now(), look)
    expect(text.slice(0, 2)).toEqual([`tag     salt/job/${JID}/ret/web1`, 'origin  web1'])
    expect(text).toContain('caused by')
    const stray = await web1('my/stray', {}, { cause: 'long-gone', hops: 1 })
    expect(await traced(stray.id)).toMatchObject({ causes: [], unfound: 'long-gone', caused: [] })
  })
})
