import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createMinionBus } from '../../src/minion/bus.ts'
import { serveMinionBus } from '../../src/minion/bus-server.ts'
import { type MinionTailParts, startMinionTail } from '../../src/tail/minion.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'

async function start(dir: string) {
  const bus = createMinionBus({ now: Date.now, log: silentLog })
  const server = await serveMinionBus({ dir, id: 'web1', bus, log: silentLog })
  onTestFinished(() => server.stop())
  return { ...bus, stop: () => server.stop() }
}

async function tailOn(dir: string, options: MinionTailParts['options'], written?: MinionTailParts['written']) {
  const lines = createSeen<string>()
  const notices = createSeen<string>()
  const write = (text: string) => lines.push(text)
  const tail = await startMinionTail({
    dir,
    options,
    write,
    ...(written && { written }),
    notice: line => notices.push(line),
  })
  onTestFinished(() => tail.stop())
  return { lines, notices, done: tail.done, stop: () => tail.stop() }
}

describe("a tail on the minion's own bus", () => {
  it('shows what passes over it, with the minion as origin, by the globs and conditions of every tail', async () => {
    const dir = await testFolder()
    const { fire } = await start(dir)
    const json = await tailOn(dir, { json: true, globs: ['my/**'], where: ['data.n>1'], count: 2 })
    const plain = await tailOn(dir, { globs: ['!other'], columns: () => 100 })
    await fire('other', { n: 5 })
    for (const n of [1, 2, 3, 4]) await fire('my/own', { n, id: 'web1' })
    await within(json.done, 'the end after two')
    expect(json.lines.items.map(line => JSON.parse(line))).toEqual(
      [2, 3].map(n => ({
        ...{ tag: 'my/own', data: { n, id: 'web1' }, origin: 'web1' },
        ...{ stamp: expect.any(String), id: expect.any(String) },
      })),
    )
    expect((await plain.lines.reach(4))[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} my\/own +web1 +n=1$/)
  })

  it('believes what the minion sends of itself, and not what a program of the machine fires under its name', async () => {
    const dir = await testFolder()
    const { fire, pass } = await start(dir)
    const tail = await tailOn(dir, { columns: () => 200 })
    const as = { id: 'i', stamp: '2026-11-20T09:18:20.000000' }
    const ret = 'salt/job/20261120091820838387/ret/web1'
    pass(ret, {}, as)
    await fire(ret, {})
    pass('salt/auth', {}, as)
    await fire('/salt/minion/minion_schedule_add_complete', {})
    expect((await tail.lines.reach(4)).map(line => line.includes('not believed'))).toEqual([false, true, true, false])
  })

  it('says once that the minion has stopped, and goes on when it is back', async () => {
    const dir = await testFolder()
    const first = await start(dir)
    const tail = await tailOn(dir, { json: true })
    await first.fire('before', {})
    await tail.lines.reach(1)
    await first.stop()
    await tail.notices.reach(1)
    const second = await start(dir)
    await tail.notices.reach(2)
    await second.fire('after', {})
    await tail.lines.reach(2)
    expect(tail.notices.items).toEqual(['the minion has stopped; waiting for it', 'the minion is back'])
  })

  it('takes no more than is read of it, and says what it has lost by that', async () => {
    const dir = await testFolder()
    const { fire } = await start(dir)
    let read: () => void = () => undefined
    const first = new Promise<void>(resolve => {
      read = resolve
    })
    const tail = await tailOn(dir, { json: true }, () => first)
    const text = 'x'.repeat(100_000)
    for (let n = 0; n < 100; n++) await fire('much', { text })
    await tail.lines.reach(1)
    expect(tail.lines.items).toHaveLength(1)
    read()
    await tail.notices.reach(1)
    const [, lost] = /^(\d+) events are missing here/.exec(tail.notices.items[0]!) ?? []
    expect(Number(lost)).toBeGreaterThan(0)
    await tail.lines.reach(100 - Number(lost))
  })

  it('ends while it waits for the minion, and does not begin where there is none', async () => {
    const dir = await testFolder()
    const { stop } = await start(dir)
    const tail = await tailOn(dir, {})
    await stop()
    await tail.notices.reach(1)
    await tail.stop()
    await within(tail.done, 'the end')
    await expect(tailOn(dir, {})).rejects.toMatchObject({ code: 'unreachable' })
  })
})
