import { stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { makeFolder } from '../../src/base/folder.ts'
import type { FireOptions } from '../../src/bus/fire.ts'
import type { LocalEvent } from '../../src/functions/minion-bus.ts'
import { createMinionBus } from '../../src/minion/bus.ts'
import { fireOnBus, listenToBus } from '../../src/minion/bus-client.ts'
import { type BusMessage, LONGEST_LINE } from '../../src/minion/bus-line.ts'
import { passOverBus } from '../../src/minion/bus-pass.ts'
import { serveMinionBus } from '../../src/minion/bus-server.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'

const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)

/** The bus of a minion, with its socket in a folder. */
async function start(dir: string) {
  const { log, lines } = keptLog()
  const bus = createMinionBus({ now: () => NOW, log })
  const server = await serveMinionBus({ dir, id: 'web1', bus, log })
  onTestFinished(() => server.stop())
  return { bus, log: lines, stop: () => server.stop() }
}

async function listen(dir: string) {
  const events = createSeen<LocalEvent>()
  const lost = createSeen<number>()
  const ids = new Set<string>()
  const listening = await listenToBus(dir, {
    event(event, id) {
      ids.add(id)
      events.push(event)
      return undefined
    },
    lost: count => lost.push(count),
  })
  onTestFinished(() => listening.stop())
  return { events, lost, ids, listening }
}

/** A client that says and hears what it likes. */
async function rawClient(dir: string) {
  const socket: Socket = connect(join(dir, 'bus.sock'))
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  const heard = createSeen<BusMessage>()
  const closed = new Promise(resolve => socket.once('close', resolve))
  let rest = ''
  socket.on('data', chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) heard.push(JSON.parse(line))
  })
  await within(new Promise(resolve => socket.once('connect', resolve)), 'the connection')
  return { socket, heard, closed }
}

const listenLine = '{"listen":true}\n'

describe('the bus of a minion', () => {
  it('gives every listener what is fired on it, from this process and from others, and what is sent to the master', async () => {
    const dir = await testFolder()
    const { bus } = await start(dir)
    const [one, other] = [await listen(dir), await listen(dir)]
    await bus.fire('my/own', { n: 1 })
    await fireOnBus(dir, 'from/outside', { n: 2 })
    bus.pass('salt/minion/web1/start', { n: 3 }, { id: 'abc', stamp: '2026-11-20T09:00:00.000000' })
    for (const { events, ids } of [one, other]) {
      expect(await events.reach(3)).toEqual([
        {
          tag: 'my/own',
          data: { n: 1 },
          _stamp: '2026-11-20T09:18:20.000000',
          id: expect.stringMatching(/^[\w-]{22}$/),
          local: true,
        },
        {
          tag: 'from/outside',
          data: { n: 2 },
          _stamp: '2026-11-20T09:18:20.000000',
          id: expect.any(String),
          local: true,
        },
        { tag: 'salt/minion/web1/start', data: { n: 3 }, _stamp: '2026-11-20T09:00:00.000000', id: 'abc' },
      ])
      expect([...ids]).toEqual(['web1'])
    }
  })

  it("is its user's alone", async () => {
    const dir = await testFolder()
    await start(dir)
    const found = await stat(join(dir, 'bus.sock'))
    expect([found.isSocket(), found.mode & 0o777]).toEqual([true, 0o600])
  })

  it('answers what it does not understand, and goes on', async () => {
    const dir = await testFolder()
    await start(dir)
    const { socket, heard } = await rawClient(dir)
    const wrong = [
      'no json',
      '[1]',
      '{"fire":{"tag":"","data":{}}}',
      '{"fire":{"tag":"a","data":[]}}',
      '{"listen":1}',
      '{}',
    ]
    socket.write(`${wrong.join('\n')}\n{"fire":{"tag":"a/b"}}\n`)
    const answers = await heard.reach(wrong.length + 1)
    for (const answer of answers.slice(0, -1))
      expect(answer).toEqual({
        error: { code: 'bad_argument', message: expect.stringContaining('the bus of a minion: ') },
      })
    expect(answers.at(-1)).toEqual({ fired: 'a/b' })
  })

  it('cuts a client whose line never ends, and only that one', async () => {
    const dir = await testFolder()
    await start(dir)
    const { events } = await listen(dir)
    const { socket, heard, closed } = await rawClient(dir)
    socket.write(Buffer.alloc(LONGEST_LINE + 2, 0x61))
    expect(await heard.reach(1)).toMatchObject([{ error: { message: expect.stringContaining('a line may have') } }])
    await within(closed, 'the end of the connection')
    await fireOnBus(dir, 'still/there', {})
    await events.reach(1)
  })

  it('loses events for a listener that does not read, tells it how many, and keeps none of them', async () => {
    const dir = await testFolder()
    const { bus } = await start(dir)
    const slow = await rawClient(dir)
    slow.socket.write(listenLine)
    await slow.heard.reach(1)
    slow.socket.pause()
    const quick = await listen(dir)
    const text = 'x'.repeat(100_000)
    for (let n = 0; n < 100; n++) await bus.fire('much', { n, text })
    await quick.events.reach(1)
    slow.socket.resume()
    const gap = await slow.heard.find(message => 'lost' in message, 'what was lost')
    const came = slow.heard.items.filter(message => 'event' in message).length
    expect(came).toBeGreaterThan(0)
    expect(came + (gap as { lost: number }).lost).toBe(100)
    await bus.fire('after', {})
    await slow.heard.find(message => 'event' in message && message.event.tag === 'after', 'what comes after')
  })

  it('leaves nothing behind on a connection whose answers are read slowly, however often', async () => {
    const dir = await testFolder()
    await start(dir)
    const warned: Error[] = []
    const warn = (warning: Error) => void warned.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const { socket, heard } = await rawClient(dir)
    // Each answer is longer than what may wait to be written.
    const line = `${JSON.stringify({ fire: { tag: 'x'.repeat(300_000), data: {} } })}\n`
    for (let n = 0; n < 15; n++) socket.write(line)
    await heard.reach(15)
    expect(warned).toEqual([])
  })

  it('gives an event that no line can hold without its data', async () => {
    const dir = await testFolder()
    const { bus } = await start(dir)
    const { events } = await listen(dir)
    await bus.fire('too/large', { text: 'ü'.repeat(LONGEST_LINE / 2) })
    expect((await events.reach(1))[0]).toMatchObject({
      tag: 'too/large',
      data: { _left_out: expect.stringMatching(/^\d+ bytes, more than a line of the bus holds$/) },
    })
  })

  it('takes so many clients and no more', async () => {
    const dir = await testFolder()
    await start(dir)
    for (let n = 0; n < 32; n++) await listen(dir)
    await expect(fireOnBus(dir, 'a', {})).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('lets listeners go when the minion stops, and says then that none runs', async () => {
    const dir = await testFolder()
    const { stop } = await start(dir)
    const { listening } = await listen(dir)
    await stop()
    await within(listening.ended, 'the end')
    await expect(fireOnBus(dir, 'a', {})).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^no minion runs here: nothing listens on .*bus\.sock/),
    })
  })
})

describe('the socket of the bus', () => {
  it('whose minion dies while it is asked is one that cannot be reached', async () => {
    const dir = await testFolder()
    const dying = createServer({ pauseOnConnect: true }, socket => socket.destroy())
    await new Promise<void>(resolve => dying.listen(join(dir, 'bus.sock'), resolve))
    onTestFinished(() => void dying.close())
    await expect(fireOnBus(dir, 'a', {})).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('takes the place of one that a dead minion has left', async () => {
    const dir = await testFolder()
    const left = createServer()
    await new Promise<void>(resolve => left.listen(join(dir, 'other.sock'), resolve))
    // A file that nobody listens on, as a kill leaves it.
    const { link } = await import('node:fs/promises')
    await link(join(dir, 'other.sock'), join(dir, 'bus.sock'))
    await new Promise(resolve => left.close(resolve))
    await start(dir)
    await fireOnBus(dir, 'a', {})
  })

  it('leaves that of a live one where it is, and the minion does without', async () => {
    const dir = await testFolder()
    const first = await start(dir)
    const { events } = await listen(dir)
    const second = await start(dir)
    expect(second.log.items).toMatchObject([
      { level: 40, error: expect.stringContaining('another process listens on') },
    ])
    await second.stop()
    await first.bus.fire('still/here', {})
    await events.reach(1)
    await fireOnBus(dir, 'a', {})
  })

  it('leaves a file that is none where it is', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'bus.sock'), 'mine')
    const { log } = await start(dir)
    expect(log.items).toMatchObject([{ level: 40, error: expect.stringContaining('is no socket: remove it') }])
    await expect(fireOnBus(dir, 'a', {})).rejects.toMatchObject({ code: 'unreachable' })
  })

  it.runIf(process.platform === 'linux')('works in a folder whose path no socket can have', async () => {
    const dir = join(await testFolder(), 'd'.repeat(120))
    await makeFolder(dir)
    const { bus, stop } = await start(dir)
    const { events } = await listen(dir)
    await bus.fire('deep/down', {})
    await events.reach(1)
    await stop()
    await expect(stat(join(dir, 'bus.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('what a minion sends to its master', () => {
  it('passes over the bus once, before it is sent, under its id, however often it is tried', async () => {
    const { log } = keptLog()
    const bus = createMinionBus({ now: () => NOW, log })
    const heard: string[] = []
    bus.follow(({ tag, id }) => heard.push(`heard ${tag} ${id}`))
    let refusals = 2
    const fire = passOverBus(
      async (tag, _data, { id }: FireOptions = {}) => {
        heard.push(`sent ${tag} ${id}`)
        if (refusals-- > 0) throw new ReactorError('store_refused', 'full')
        return { id: id!, seq: 1 }
      },
      bus,
      () => NOW,
    )
    for (let n = 0; n < 3; n++) await fire('a', {}, { id: 'one' }).catch(() => undefined)
    await fire('b', {}, { id: 'two' })
    expect(heard).toEqual(['heard a one', 'sent a one', 'sent a one', 'sent a one', 'heard b two', 'sent b two'])
  })
})
