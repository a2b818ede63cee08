// Floods: of logins, of keys, of guesses, of connections that say nothing. Honest minions and operators go on meanwhile.
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import { createGate, within } from '../helpers/wait.ts'
import { authFrom, eventsFrom, harmless, keyLists, ping, serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, byKey, connectLine, knock, openWire, type RawKey, rawKey, type Wire } from './wire.ts'

const MAX_PENDING = 100
let system: System
beforeAll(async () => {
  system = await startSystem({ config: { master: { max_pending: MAX_PENDING } } })
  const password_hash = await hashPassword('correct horse')
  await system.run('wheel', 'user.add', ['ann'], { roles: 'reader', password_hash })
})
afterAll(() => system?.stop())

/** So many, a number of them at once; honest minions are asked from time to time meanwhile. */
async function storm<T>(count: number, atOnce: number, one: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lane = async () => {
    while (next < count) {
      const n = next++
      const pinged = n % Math.ceil(count / 8) === 0 ? pings() : undefined
      results.push(await one(n))
      await pinged
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}

const pings = async () => expect(await ping(system)).toEqual(['web1', 'web2'])

/** The keys once the master has worked through what it was asked: the server gives up logins that take too long. */
async function settled() {
  for (const until = Date.now() + 60_000; ; await setImmediate()) {
    const lists = await keyLists(system)
    if (lists.minions_pre.length <= MAX_PENDING || Date.now() > until) return lists
  }
}

describe('2,000 logins of new ids', () => {
  it('leave as many pending keys as are kept, the newest, and one alarm', async () => {
    const next = eventsFrom(system)
    const told = authFrom(system)
    const outcomes = await storm(2000, 1000, n => knock(system.server.url, asMinion(`flood${n}`, rawKey())))
    expect(outcomes.filter(outcome => outcome.in)).toEqual([])
    await told('pend', 'flood0')
    const alarm = await next(({ tag }) => tag === 'salt/alarm/keys/pending_full', 'the alarm')
    expect(alarm.data).toMatchObject({ dropped: expect.any(Number), max_pending: MAX_PENDING })
    const { minions, minions_pre } = await settled()
    expect(minions).toEqual(['evil', 'web1', 'web2'])
    expect(minions_pre).toHaveLength(MAX_PENDING)
    expect(minions_pre).not.toContain('flood0')
    const alarms = system.events.items.filter(({ tag }) => tag === 'salt/alarm/keys/pending_full')
    expect(alarms).toHaveLength(1)
    await harmless(system, () => system.run('wheel', 'key.delete', ['flood*']))
  })

  it('with two keys for each id leave no more', async () => {
    await storm(1.5 * MAX_PENDING, 1.5 * MAX_PENDING, async n => {
      // The second comes while the first is held.
      await Promise.all([rawKey(), rawKey()].map(key => knock(system.server.url, asMinion(`twin${n}`, key))))
    })
    const { minions, minions_pre, minions_denied } = await settled()
    expect(minions).toEqual(['evil', 'web1', 'web2'])
    expect(minions_pre).toHaveLength(MAX_PENDING)
    expect(minions_denied.length).toBeGreaterThan(0)
    expect(minions_denied.length).toBeLessThanOrEqual(MAX_PENDING)
    expect(minions_denied.filter(id => !minions_pre.includes(id))).toEqual([])
    await harmless(system, () => system.run('wheel', 'key.delete', ['twin*']))
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
    const outcomes = await storm(300, 300, () => knock(system.server.url, asMinion('eager', key)))
    expect(outcomes.filter(outcome => outcome.in)).toEqual([])
    await told('pend', 'eager')
    expect(system.events.items.filter(({ data }) => data.id === 'eager' && data.act === 'pend')).toHaveLength(1)
    await system.run('wheel', 'key.delete', ['eager'])
  })

  it('so does one that gives up and comes again before it is answered', async () => {
    const key = rawKey()
    await storm(500, 100, async () => {
      const wire = await openWire(system.server.url)
      wire.say(connectLine(asMinion('hasty', key)(wire.nonce)))
      wire.end()
    })
    expect((await keyLists(system)).minions).not.toContain('hasty')
    await system.run('wheel', 'key.delete', ['hasty'])
  })
})

describe('connections that prove nothing', () => {
  it('500 without credentials at once are refused, while jobs are answered; the records are bounded', async () => {
    const next = eventsFrom(system)
    const from = system.events.items.length
    const outcomes = await storm(500, 500, () => knock(system.server.url, () => ({})))
    expect(outcomes).toEqual(Array(500).fill({ in: false, said: "-ERR 'Authorization Violation'" }))
    await next(({ tag, data }) => tag === 'salt/audit/login' && data.result === 'refused', 'a record')
    const records = system.events.items
      .slice(from)
      .filter(({ tag, data }) => tag === 'salt/audit/login' && data.result === 'refused')
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
  it('from one address, for one name and for many, keeps nobody out who comes from elsewhere or has a key', async () => {
    const kim: RawKey = rawKey()
    await system.run('wheel', 'user.add', ['kim'], { roles: 'reader', nkey: kim.nkey })
    let over = false
    let refused = 0
    const full = createGate()
    const open = new Set<Wire>()
    const flood = storm(150, 150, async n => {
      for (let m = 0; !over; m++) {
        const user = n % 3 === 0 ? 'ann' : `user${n}-${m}`
        const wire = await openWire(system.server.url, '127.0.0.2')
        open.add(wire)
        wire.say(connectLine({ user, pass: `guess${m}` }))
        await wire.ended
        open.delete(wire)
        // More than may wait: some are refused at once.
        if (++refused === 100) full.open()
      }
    })
    await within(full.passed, 'more guesses than may wait')
    await harmless(system, async () => {
      const ann = await knock(system.server.url, () => ({ user: 'ann', pass: 'correct horse' }))
      const byHerKey = await knock(system.server.url, byKey(kim))
      expect(open.size).toBeGreaterThan(0)
      over = true
      for (const wire of open) wire.end()
      await flood
      expect(ann).toMatchObject({ in: true })
      expect(byHerKey).toMatchObject({ in: true })
    })
    await system.run('wheel', 'user.remove', ['kim'])
  })
})

describe('connections that never log in', () => {
  const line = (pass: string) => connectLine({ user: 'ann', pass })
  it('500 that are silent, and as many that say half of a CONNECT, are ended by the server, and meanwhile jobs are answered', async () => {
    const silent = await storm(500, 100, () => openWire(system.server.url))
    const halves = await storm(500, 100, () => openWire(system.server.url))
    for (const wire of halves) wire.say(line('x').slice(0, 40))
    const wires = [...silent, ...halves]
    for (let n = 0; n < 5; n++) await pings()
    await Promise.all(wires.map(wire => wire.ended))
    for (const wire of wires)
      expect(wire.lines.items).toEqual([expect.stringMatching(/^INFO/), "-ERR 'Authentication Timeout'"])
  })

  it.each<[string, (wire: Wire) => void, RegExp]>([
    [
      'that say garbage',
      wire => wire.say(Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 151) % 256))),
      /authentication error/,
    ],
    ['that speak HTTP', wire => wire.say('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /authentication error/],
    ['with a CONNECT of 1 MB', wire => wire.say(line('x'.repeat(1024 ** 2))), /maximum control line/i],
    ['with a CONNECT without an end', wire => wire.say(`CONNECT ${'{"a":'.repeat(10_000)}`), /maximum control line/i],
    [
      'with a CONNECT nested deep',
      wire => wire.say(`CONNECT ${'[['.repeat(1500)}\r\n`),
      /unexpected|cannot unmarshal/i,
    ],
    ['that ping and do not log in', wire => wire.say('PING\r\n'), /authentication error/],
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
