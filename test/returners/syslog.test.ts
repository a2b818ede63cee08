import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isRefused } from '../../src/functions/define-returner.ts'
import { readAddress } from '../../src/returner/syslog-address.ts'
import syslog from '../../src/returners/syslog.ts'
import { closedPort } from '../alerts/smtp-test-server.ts'
import { eventOf, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { opened } from './opened.ts'

/** Takes frames as RFC 6587 counts them, or, without a count, what comes. */
async function listen(at: { port: number; host: string } | { path: string }, counted: boolean) {
  const seen = createSeen<string>()
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let left = Buffer.alloc(0)
    socket.on('data', data => {
      if (!counted) return seen.push(String(data))
      left = Buffer.concat([left, data])
      for (;;) {
        const space = left.indexOf(0x20)
        const length = Number(left.subarray(0, Math.max(space, 0)))
        if (space < 0 || left.length < space + 1 + length) return
        seen.push(String(left.subarray(space + 1, space + 1 + length)))
        left = left.subarray(space + 1 + length)
      }
    })
  }).listen(at)
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  const stop = async () => {
    cut()
    server.close()
    await once(server, 'close')
  }
  return { seen, sockets, cut, stop, port: (server.address() as AddressInfo).port }
}

const listenTcp = async () => {
  const server = await listen({ port: 0, host: '127.0.0.1' }, true)
  onTestFinished(() => server.stop())
  return server
}

async function listenUdp() {
  const seen = createSeen<string>()
  const socket = createSocket('udp4')
  socket.on('message', message => seen.push(String(message)))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return { seen, address: `udp://127.0.0.1:${socket.address().port}` }
}

returnerContract('syslog', syslog, async () => {
  const server = await listen({ port: 0, host: '127.0.0.1' }, true)
  return {
    settings: { 'syslog.address': `tcp://127.0.0.1:${server.port}` },
    interrupt: async () => server.cut(),
    remove: () => server.stop(),
  }
})

const jid = jidAt(Date.now())
const HEAD = /^<(\d+)>1 (\S+) (\S+) (\S+) (\d+) (return|event) - /
const recordIn = (line: string): unknown => JSON.parse(line.replace(HEAD, ''))

describe('a line', () => {
  it('has a head by RFC 5424 and the return as JSON', async () => {
    const { seen, address } = await listenUdp()
    const store = await opened('syslog', { address, facility: 'LOG_LOCAL3', level: 'LOG_ERR', tag: 'salt' })
    const record = returnOf(jid, 'web1', { return: { free: 12 } })
    await store.returner([record])
    const [line] = await seen.reach(1)
    const [, priority, stamp, , tag, pid, kind] = HEAD.exec(line!)!
    expect([priority, stamp, tag, pid, kind]).toEqual([
      ...[String(19 * 8 + 3), '2026-11-20T09:18:20.838Z', 'salt', String(process.pid), 'return'],
    ])
    expect(recordIn(line!)).toEqual(record)
  })

  it('is of an event too, and at user.info by default', async () => {
    const { seen, address } = await listenUdp()
    await (await opened('syslog', { address })).event_return([eventOf('e1')])
    const [line] = await seen.reach(1)
    expect(line).toMatch(/^<14>1 \S+ \S+ reactor \d+ event - \{/)
    expect(recordIn(line!)).toEqual(eventOf('e1'))
  })

  it('cannot be forged by what was returned, nor made to read otherwise', async () => {
    const { seen, address } = await listenUdp()
    const evil = returnOf(jid, 'web1', {
      return: 'a\n<0>1 - root su - - - forged\r\u0000\u001b[2J\u007f\u0085\u009b\u2028\u202e end',
      _stamp: '- - -\n<0>1',
    })
    await (await opened('syslog', { address })).returner([evil])
    const [line] = await seen.reach(1)
    expect(line).toMatch(/^<14>1 - \S+ reactor/)
    expect(line).not.toMatch(/[\p{Cc}\u2028\u202e]/u)
    expect(recordIn(line!)).toEqual(evil)
  })

  it('is cut at the limit of UDP, between characters, with a mark', async () => {
    const { seen, address } = await listenUdp()
    await (await opened('syslog', { address })).returner([returnOf(jid, 'web1', { return: '日'.repeat(400_000) })])
    const [line] = await seen.reach(1)
    expect(Buffer.byteLength(line!)).toBeLessThanOrEqual(65_507)
    expect(Buffer.byteLength(line!)).toBeGreaterThan(65_500)
    expect(line).toMatch(/日\[cut: 12\d{5} bytes in all\]$/)
  })
})

it('writes no line again, and one of a return that says something else', async () => {
  const { seen, address } = await listenUdp()
  const store = await opened('syslog', { address })
  const [one, two] = [returnOf(jid, 'web1'), returnOf(jid, 'web2')]
  await store.returner([one])
  await store.returner([one, two])
  await store.returner([{ ...one, return: false }])
  expect((await seen.reach(3)).map(recordIn)).toEqual([one, two, { ...one, return: false }])
})

describe('over TCP', () => {
  it('lines have their length before them, in order, on one connection', async () => {
    const { seen, port, sockets } = await listenTcp()
    const store = await opened('syslog', { address: `tcp://127.0.0.1:${port}` })
    const batch = Array.from({ length: 1000 }, (_, n) => returnOf(jid, `日${n}`))
    await store.returner(batch)
    await store.returner([returnOf(jid, 'last', { return: 'm'.repeat(1024 * 1024) })])
    const lines = await seen.reach(1001)
    expect(lines.slice(0, 1000).map(recordIn)).toEqual(batch)
    expect(lines[1000]).toMatch(/m\[cut: \d+ bytes in all\]$/)
    expect(sockets.size).toBe(1)
  })

  it('the connection ends with the store, also where the server keeps its side open', async () => {
    const sockets: Socket[] = []
    const server = createServer({ allowHalfOpen: true }, socket => sockets.push(socket.resume()))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const store = await opened('syslog', { address: `tcp://127.0.0.1:${port}` })
    await store.returner([returnOf(jid, 'web1')])
    await store.close()
    const [socket] = sockets
    // What is sent to a connection that nobody has any more is answered by its reset.
    const reset = new Promise(resolve => socket!.on('error', resolve))
    const write = () => {
      if (!socket!.destroyed) socket!.write('anybody?', () => setImmediate(write))
    }
    write()
    expect(await within(reset, 'the reset')).toMatchObject({ code: expect.stringMatching(/EPIPE|ECONNRESET/) })
  })

  it('a server that is not there, or takes nothing, is said within its time', async () => {
    const away = await opened('syslog', { address: `tcp://127.0.0.1:${await closedPort()}` })
    const error = await away.returner([returnOf(jid, 'web1')]).catch((thrown: Error) => thrown)
    expect(isRefused(error)).toBe(false)
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') })

    const { port, sockets } = await listenTcp()
    const stuck = await opened('syslog', { address: `tcp://127.0.0.1:${port}`, timeout: '300ms' })
    await stuck.returner([returnOf(jid, 'web1')])
    for (const socket of sockets) socket.pause()
    const much = Array.from({ length: 500 }, (_, n) => returnOf(jid, `web${n}`, { return: 'm'.repeat(60_000) }))
    await expect(stuck.returner(much)).rejects.toMatchObject({ code: 'timeout' })
    await stuck.returner([returnOf(jid, 'after')])
    expect(sockets.size).toBe(2)
  })
})

describe('on this machine', () => {
  it('lines go by the program logger to the socket of its syslog', async () => {
    const path = join(await testFolder(), 'log.sock')
    const server = await listen({ path }, false)
    onTestFinished(() => server.stop())
    const store = await opened('syslog', { address: `unix:${path}`, facility: 'daemon', tag: 'salt' })
    const records = [returnOf(jid, 'web1', { return: 'two\nlines' }), returnOf(jid, 'web2')]
    await store.returner(records)
    const all = await server.seen
      .find(text => text.includes('web2'), 'the second line')
      .then(() => server.seen.items.join(''))
    const texts = all.split(/<30>[^{]*salt: /).filter(Boolean)
    expect(texts.map(text => JSON.parse(text.replace(/\0/g, '')))).toEqual(records)
  })

  it('a syslog that is not there is said', async () => {
    const store = await opened('syslog', { address: `unix:${join(await testFolder(), 'none.sock')}` })
    await expect(store.returner([returnOf(jid, 'web1')])).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/the program 'logger' failed \(\d\): .*none\.sock/),
    })
  })

  it('a machine without that program is said', async () => {
    const path = process.env.PATH
    process.env.PATH = await testFolder()
    onTestFinished(() => {
      process.env.PATH = path
    })
    await expect((await opened('syslog', {})).returner([returnOf(jid, 'web1')])).rejects.toMatchObject({
      message: expect.stringContaining("cannot be run: install util-linux, or set 'syslog.address'"),
    })
  })
})

describe('settings', () => {
  it.each([
    [{ address: 'http://host' }, /'syslog.address': expected udp:\/\/host:514/],
    [{ address: 'udp://' }, /'syslog.address': expected/],
    [{ level: 'loud' }, /'syslog.level'/],
    [{ facility: 'LOG_LOCAL8' }, /'syslog.facility'/],
    [{ tag: 'a b' }, /'syslog.tag': expected 1 to 48 printable/],
  ])('that do not fit, such as %j, are said at once', async (settings, message) => {
    await expect(opened('syslog', settings)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ['udp://[::1]', { by: 'udp', host: '::1', port: 514 }],
    ['tcp://log.example.com:6514/', { by: 'tcp', host: 'log.example.com', port: 6514 }],
    ['unix:///dev/log', { by: 'logger', path: '/dev/log' }],
    ['tcp://user@host', undefined],
    ['unix:relative', undefined],
  ])('read the address %s', (text, address) => {
    expect(readAddress(text)).toEqual(address)
  })
})
