// Floods: of logins, of keys, of guesses, of connections that say nothing. Honest minions and operators go on meanwhile.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import { authFrom, eventsFrom, harmless, keyLists, ping, serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, connectLine, knock, openWire, type RawKey, rawKey, type Wire } from './wire.ts'

const MAX_PENDING = 100
let system: System
beforeAll(async () => {
  system = await startSystem({ config: { master: { max_pending: MAX_PENDING } } })
  const password_hash = await hashPassword('correct horse')
  await system.run('wheel', 'user.add', ['ann'], { roles: 'reader', password_hash })
})
afterAll(() => system?.stop())

/** Starts so many, a few at a time, as long as the server can take them. */
async function storm<T>(count: number, atOnce: number, one: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lane = async () => {
    while (next < count) results.push(await one(next++))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}

/** What happens while the flood goes on, at least once and until it is over. */
async function meanwhile(flood: Promise<unknown>, deed: () => Promise<void>): Promise<number> {
  let over = false
  let times = 0
  const ended = flood.finally(() => {
    over = true
  })
  ended.catch(() => undefined)
  while (!over || times === 0) {
    await deed()
    times++
  }
  await ended
  return times
}
const pings = async () => expect(await ping(system)).toEqual(['web1', 'web2'])

describe('2,000 logins of new ids', () => {
  it('leave as many pending keys as are kept, the newest, and one alarm', async () => {
    const next = eventsFrom(system)
    const told = authFrom(system)
    const flood = storm(2000, 500, n => knock(system.server.url, asMinion(`flood${n}`, rawKey())))
    await meanwhile(flood, pings)
    expect((await flood).filter(outcome => outcome.in)).toEqual([])
    await told('pend', 'flood0')
    const alarm = await next(({ tag }) => tag === 'salt/alarm/keys/pending_full', 'the alarm')
    expect(alarm.data).toMatchObject({ dropped: expect.any(Number), max_pending: MAX_PENDING })
    const { minions, minions_pre } = await keyLists(system)
    expect(minions).toEqual(['evil', 'web1', 'web2'])
    expect(minions_pre).toHaveLength(MAX_PENDING)
    expect(minions_pre).not.toContain('flood0')
    const alarms = system.events.items.filter(({ tag }) => tag === 'salt/alarm/keys/pending_full')
    expect(alarms).toHaveLength(1)
    await harmless(system, () => system.run('wheel', 'key.delete', ['flood*']))
  })

  it('do not keep an honest new minion out: it is accepted while they go on', async () => {
    let over = false
    const key = rawKey()
    const honest = async () => {
      for (;;) {
        const outcome = await knock(system.server.url, asMinion('honest', key))
        if (outcome.in) return outcome.wire
        await system.run('wheel', 'key.accept', ['honest'])
      }
    }
    const wire = honest().finally(() => {
      over = true
    })
    await storm(20, 20, async n => {
      for (let m = 0; !over; m++) await knock(system.server.url, asMinion(`more${n}-${m}`, rawKey()))
    })
    expect(await (await wire).ask('SUB reactor.job.honest 1\r\n')).toEqual([])
    await system.run('wheel', 'key.delete', ['*o[rn]e*'])
  })
})

describe('a pending minion that comes as fast as it can', () => {
  it('is told of once a minute, and keeps nobody from anything', async () => {
    const key = rawKey()
    const told = authFrom(system)
    const flood = storm(300, 100, () => knock(system.server.url, asMinion('eager', key)))
    await meanwhile(flood, pings)
    expect((await flood).filter(outcome => outcome.in)).toEqual([])
    await told('pend', 'eager')
    expect(system.events.items.filter(({ data }) => data.id === 'eager' && data.act === 'pend')).toHaveLength(1)
    await system.run('wheel', 'key.delete', ['eager'])
  })

  it('so does one that gives up and comes again before it is answered', async () => {
    const key = rawKey()
    const flood = storm(1000, 100, async () => {
      const wire = await openWire(system.server.url)
      wire.say(connectLine(asMinion('hasty', key)(wire.nonce)))
      wire.end()
    })
    await meanwhile(flood, pings)
    expect((await keyLists(system)).minions).not.toContain('hasty')
    await system.run('wheel', 'key.delete', ['hasty'])
  })
})

describe('connections that prove nothing', () => {
  it('500 without credentials at once are refused, while jobs are answered; the records are bounded', async () => {
    const next = eventsFrom(system)
    const flood = storm(500, 500, () => knock(system.server.url, () => ({})))
    await meanwhile(flood, pings)
    expect(await flood).toEqual(Array(500).fill({ in: false, said: "-ERR 'Authorization Violation'" }))
    await next(({ tag, data }) => tag === 'salt/audit/login' && data.result === 'refused', 'a record')
    const records = system.events.items.filter(
      ({ tag, data }) => tag === 'salt/audit/login' && data.result === 'refused',
    )
    expect(records.length).toBeLessThanOrEqual(60)
  })

  it('a thousand ids without a key do not hide that an honest minion waits', async () => {
    const told = authFrom(system)
    await storm(1000, 200, n => knock(system.server.url, () => ({ user: `minion:unproved${n}` })))
    const { minions_pre } = await keyLists(system)
    expect(minions_pre.filter(id => id.startsWith('unproved'))).toEqual([])
    const honest = knock(system.server.url, asMinion('new1', rawKey()))
    await told('pend', 'new1')
    await system.run('wheel', 'key.accept', ['new1'])
    expect(await honest).toMatchObject({ in: true })
    await system.run('wheel', 'key.delete', ['new1'])
  })
})

describe('a flood of guessed passwords', () => {
  const guess = (n: number, user: string, from?: string) =>
    knock(system.server.url, () => ({ user, pass: `guess${n}` }), from)

  it.each([
    ['for one name', () => 'ann'],
    ['for many names', (n: number) => `user${n}`],
  ])(
    '%s keeps neither an operator with a key out, nor one with a password who comes from elsewhere',
    async (_what, user) => {
      const kim: RawKey = rawKey()
      await system.run('wheel', 'user.add', ['kim'], { roles: 'reader', nkey: kim.nkey })
      let over = false
      const flood = storm(100, 100, async n => {
        for (let m = 0; !over; m++) await guess(m, user(n * 1000 + m), '127.0.0.2')
      })
      const honest = async () => {
        for (let n = 0; n < 3; n++) {
          expect(await knock(system.server.url, () => ({ user: 'ann', pass: 'correct horse' }))).toMatchObject({
            in: true,
          })
          expect(await knock(system.server.url, nonce => ({ nkey: kim.nkey, sig: kim.sig(nonce) }))).toMatchObject({
            in: true,
          })
          await pings()
        }
      }
      await harmless(system, () =>
        honest().finally(async () => {
          over = true
          await flood
        }),
      )
      await system.run('wheel', 'user.remove', ['kim'])
    },
  )
})

describe('connections that never log in', () => {
  const line = (pass: string) => connectLine({ user: 'ann', pass })
  it.each<[string, number, (wire: Wire) => void]>([
    ['that are silent', 500, () => undefined],
    ['that say half of a CONNECT', 200, wire => wire.say(line('x').slice(0, 40))],
    ['that ping and do not log in', 200, wire => wire.say('PING\r\n')],
  ])('%s are ended by the server, and meanwhile jobs are answered', async (_what, count, say) => {
    const logged = await serverLogFrom(system)
    const wires = await storm(count, 100, () => openWire(system.server.url))
    for (const wire of wires) say(wire)
    const ended = Promise.all(wires.map(wire => wire.ended))
    await meanwhile(ended, pings)
    expect(wires.flatMap(wire => wire.lines.items.filter(said => said === 'PONG'))).toEqual([])
    await logged(/authentication (timeout|error)/i)
  })

  it.each<[string, (wire: Wire) => void, RegExp]>([
    [
      'that say garbage',
      wire => wire.say(Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 151) % 256))),
      /parser error/i,
    ],
    ['that speak HTTP', wire => wire.say('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /parser error/i],
    ['with a CONNECT of 1 MB', wire => wire.say(line('x'.repeat(1024 ** 2))), /maximum control line/i],
    ['with a CONNECT without an end', wire => wire.say(`CONNECT ${'{"a":'.repeat(10_000)}`), /maximum control line/i],
    [
      'with a CONNECT nested deep',
      wire => wire.say(`CONNECT ${'[['.repeat(1500)}\r\n`),
      /unexpected|cannot unmarshal/i,
    ],
    ['that subscribe before they log in', wire => wire.say('SUB > 1\r\nPING\r\n'), /authentication|authorization/i],
    [
      'that publish before they log in',
      wire => wire.say('PUB reactor.event._master.salt.key 2\r\n{}\r\n'),
      /authorization|authentication/i,
    ],
  ])('%s are ended at once', async (_what, say, trace) => {
    const logged = await serverLogFrom(system)
    const wires = await storm(50, 50, () => openWire(system.server.url))
    await harmless(system, async () => {
      for (const wire of wires) say(wire)
      await Promise.all(wires.map(wire => wire.ended))
    })
    await logged(trace)
    expect(
      wires.flatMap(wire => wire.lines.items.filter(said => !said.startsWith('INFO') && !said.startsWith('-ERR'))),
    ).toEqual([])
  })
})
