// Keys that are not, or no longer, let in; and join tokens that do not speak for who shows them.
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { escapeId } from '../../src/protocol/token.ts'
import { within } from '../helpers/wait.ts'
import { authFrom, harmless, keyLists, ping, refusedLogin } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, byKey, knock, type Outcome, type RawKey, rawKey, type Wire } from './wire.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.stop())

const login = (id: string, key: RawKey, join?: string) =>
  knock(system.server.url, asMinion(id, key, join === undefined ? {} : { join }))
const wheel = <T>(fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) =>
  system.run<T>('wheel', fun, arg, kwarg)
const accepted = async (id: string): Promise<RawKey> => {
  const key = rawKey()
  await wheel('key.accept_key', [id, key.nkey])
  return key
}
const opened = (outcome: Outcome): Wire => {
  if (!outcome.in) throw new Error(`not let in: ${outcome.said}`)
  return outcome.wire
}
/** Its own event is stored: it is in, and heard. */
async function speaks(wire: Wire, id: string): Promise<void> {
  const body = JSON.stringify({ tag: 'here/i/am', data: {}, _stamp: '' })
  const from = system.events.items.length
  expect(await wire.ask(`PUB reactor.event.${escapeId(id)}.here.i.am ${body.length}\r\n${body}\r\n`)).toEqual([])
  await system.events.find(
    event => event.tag === 'here/i/am' && system.events.items.indexOf(event) >= from && event.origin.id === id,
    `an event of ${id}`,
  )
}
const stateOf = async (id: string): Promise<string[]> =>
  Object.entries(await keyLists(system)).flatMap(([list, ids]) => (ids.includes(id) ? [list] : []))
const logged = (fits: RegExp) => system.lines.find(line => fits.test(String(line.reason ?? line.msg)), String(fits))

describe('a key that nobody has accepted', () => {
  it('does not come in by asking again and again', async () => {
    const key = rawKey()
    const told = authFrom(system)
    const outcomes = await harmless(system, () => Promise.all(Array.from({ length: 20 }, () => login('again', key))))
    expect(outcomes.filter(outcome => outcome.in)).toEqual([])
    await told('pend', 'again')
    const pends = system.events.items.filter(({ tag, data }) => tag === 'salt/auth' && data.id === 'again')
    expect(pends).toHaveLength(1)
    expect(await stateOf('again')).toEqual(['minions_pre'])
  })

  it('is not displaced by a key that comes later', async () => {
    const [first, second] = [rawKey(), rawKey()]
    const told = authFrom(system)
    expect(await login('early', first)).toMatchObject({ in: false })
    expect(await harmless(system, () => login('early', second))).toMatchObject({ in: false })
    expect((await told('denied', 'early')).data.pub).toBe(second.nkey)
    await wheel('key.accept', ['early'])
    expect(await login('early', second)).toMatchObject({ in: false })
    await speaks(opened(await login('early', first)), 'early')
  })
})

describe('a rejected key', () => {
  it('is refused, however often it comes, and by whatever token', async () => {
    const key = rawKey()
    await login('bad', key)
    await wheel('key.reject', ['bad'])
    const { token } = await wheel<{ token: string }>('token.create', [], { ids: '*' })
    const told = authFrom(system)
    const outcomes = await harmless(system, () => Promise.all([login('bad', key), login('bad', key, token)]))
    expect(outcomes.filter(outcome => outcome.in)).toEqual([])
    expect((await told('reject', 'bad')).data).toMatchObject({ result: false, pub: key.nkey })
    expect(await stateOf('bad')).toEqual(['minions_rejected'])
    // The token is as good as before, for others.
    await speaks(opened(await login('good', rawKey(), token)), 'good')
    await wheel('key.delete', ['good'])
  })

  it('is not let in as another minion', async () => {
    const key = await accepted('rejected1')
    await wheel('key.reject', ['rejected1'], { include_accepted: true })
    const told = authFrom(system)
    expect(await harmless(system, () => login('rejected2', key))).toMatchObject({ in: false })
    await told('pend', 'rejected2')
  })

  it('is cut off where it is connected, on every connection, and does not come back', async () => {
    const key = await accepted('cut1')
    const wires = (await Promise.all([login('cut1', key), login('cut1', key), login('cut1', key)])).map(opened)
    for (const wire of wires) await speaks(wire, 'cut1')
    const told = authFrom(system)
    await wheel('key.reject', ['cut1'], { include_accepted: true })
    await within(Promise.all(wires.map(wire => wire.ended)), 'the end of all its connections')
    expect(await harmless(system, () => login('cut1', key))).toMatchObject({ in: false })
    await told('reject', 'cut1')
    await logged(/connections were cut/)
  })
})

describe('a deleted key', () => {
  it('is cut off and is a stranger from then on', async () => {
    const ids = ['cut2', 'cut2.example.com', 'CUT-2:b']
    const told = authFrom(system)
    const one = async (id: string): Promise<Outcome> => {
      const key = await accepted(id)
      const wire = opened(await login(id, key))
      await speaks(wire, id)
      await wheel('key.delete', [id])
      await within(wire.ended, `the end of ${id}'s connection`)
      return login(id, key)
    }
    const outcomes = await harmless(system, () => Promise.all(ids.map(one)))
    expect(outcomes).toMatchObject(ids.map(() => ({ in: false })))
    for (const id of ids) {
      await told('pend', id)
      expect(await stateOf(id)).toEqual(['minions_pre'])
      await wheel('key.delete', [id])
    }
  })

  it('does not stay by coming back while it is being deleted', async () => {
    const key = await accepted('quick')
    const wires: Wire[] = []
    let deleted = false
    let late = 0
    const storm = async () => {
      while (late < 3) {
        const outcome = await login('quick', key)
        if (outcome.in) wires.push(outcome.wire)
        else if (deleted) late++
      }
    }
    const storms = [storm(), storm(), storm()]
    while (wires.length < 10) await setImmediate()
    await wheel('key.delete', ['quick'])
    deleted = true
    await Promise.all(storms)
    await within(Promise.all(wires.map(wire => wire.ended)), `the end of ${wires.length} connections`)
    expect(await stateOf('quick')).toEqual(['minions_pre'])
    expect(await ping(system)).toEqual(['web1', 'web2'])
    await wheel('key.delete', ['quick'])
  })

  it('of a minion does not cut an operator or another minion of a like name', async () => {
    const [own, longer] = [await accepted('web'), await accepted('web.1')]
    const other = opened(await login('web.1', longer))
    const wire = opened(await login('web', own))
    await wheel('key.delete', ['web'])
    await within(wire.ended, 'the end of its connection')
    await speaks(other, 'web.1')
    expect(await ping(system)).toEqual(['web1', 'web2'])
    await wheel('key.delete', ['web.1'])
  })
})

describe('a second key for a known id', () => {
  it('is denied and shown as denied, while the first goes on', async () => {
    const first = await accepted('twice')
    const wire = opened(await login('twice', first))
    const seconds = Array.from({ length: 5 }, rawKey)
    const told = authFrom(system)
    const outcomes = await harmless(system, () => Promise.all(seconds.map(key => login('twice', key))))
    expect(outcomes.filter(outcome => outcome.in)).toEqual([])
    expect((await told('denied', 'twice')).data).toMatchObject({ result: false, act: 'denied' })
    expect(await stateOf('twice')).toEqual(['minions', 'minions_denied'])
    await speaks(wire, 'twice')
    await speaks(opened(await login('twice', first)), 'twice')
  })

  it("is not let in by 'key.accept *', which an operator may say without looking", async () => {
    const first = await accepted('glob')
    const second = rawKey()
    expect(await login('glob', second)).toMatchObject({ in: false })
    await wheel('key.accept', ['glo*'])
    expect(await harmless(system, () => login('glob', second))).toMatchObject({ in: false })
    await speaks(opened(await login('glob', first)), 'glob')
    expect(await stateOf('glob')).toEqual(['minions', 'minions_denied'])
  })

  it('is not let in by a join token', async () => {
    const first = await accepted('joined')
    const { token, name } = await wheel<{ token: string; name: string }>('token.create', [], { ids: '*' })
    const told = authFrom(system)
    expect(await harmless(system, () => login('joined', rawKey(), token))).toMatchObject({ in: false })
    await told('denied', 'joined')
    await speaks(opened(await login('joined', first)), 'joined')
    expect(await wheel('token.list')).toContainEqual(expect.objectContaining({ name, uses_left: 1 }))
    await wheel('token.revoke', [name])
  })
})

describe('a join token', () => {
  interface Made {
    name: string
    token: string
    expires: number
  }
  const create = (kwarg: Record<string, unknown>) => wheel<Made>('token.create', [], kwarg)

  it('lets in as many as it says, when more come at once', async () => {
    const { token, name } = await create({ ids: 'node*', uses: 3 })
    const ids = Array.from({ length: 12 }, (_, n) => `node${n}`)
    const outcomes = await Promise.all(ids.map(id => login(id, rawKey(), token)))
    expect(outcomes.filter(outcome => outcome.in)).toHaveLength(3)
    const { minions, minions_pre } = await keyLists(system)
    expect(minions.filter(id => ids.includes(id))).toHaveLength(3)
    expect(minions_pre.filter(id => ids.includes(id))).toHaveLength(9)
    await logged(new RegExp(`join token ${name} has no uses left`))
    expect(await ping(system)).toEqual(['web1', 'web2'])
    for (const id of ids) await wheel('key.delete', [id])
  })

  it('with one use is not used twice by one minion with two keys', async () => {
    const { token } = await create({ ids: 'single' })
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => login('single', rawKey(), token)))
    expect(outcomes.filter(outcome => outcome.in)).toHaveLength(1)
    expect(await stateOf('single')).toEqual(['minions', 'minions_denied'])
  })

  describe('lets nobody in that', () => {
    const bad: [what: string, make: (id: string) => Promise<string>, reason: RegExp][] = [
      [
        'has expired',
        async () => {
          const { token, expires } = await create({ ids: '*', expires: 0.01 })
          while (Date.now() <= expires) await setImmediate()
          return token
        },
        /has expired|is not known/,
      ],
      [
        'was revoked',
        async () => {
          const { token, name } = await create({ ids: '*' })
          expect(await wheel('token.revoke', [name])).toBe(true)
          return token
        },
        /is not known/,
      ],
      ['is for other ids', async () => (await create({ ids: 'db*' })).token, /is for the ids 'db\*'/],
      ['is for longer ids', async id => (await create({ ids: `${id}?*` })).token, /is for the ids/],
      ['is guessed', async () => `rjt_${'A'.repeat(32)}`, /is not known/],
      [
        'is nearly right',
        async () => (await create({ ids: '*' })).token.replace(/.$/, last => (last === 'A' ? 'B' : 'A')),
        /is not known/,
      ],
      ['is the name of one', async () => (await create({ ids: '*' })).name, /malformed/],
      ['has a wildcard', async () => 'rjt_*', /malformed/],
      ['is empty', async () => '', /malformed/],
      ['is a path', async () => `rjt_${'../'.repeat(10)}xx`, /malformed/],
      ['has two thousand characters', async () => `rjt_${'A'.repeat(2000)}`, /malformed/],
    ]
    const idOf = (what: string) => what.replaceAll(' ', '-')
    const outcomes = new Map<string, Outcome>()
    // All at once: each is held for a moment before it is refused.
    beforeAll(async () => {
      const tokens = await Promise.all(bad.map(([what, make]) => make(idOf(what))))
      await harmless(system, () =>
        Promise.all(bad.map(async ([what], at) => outcomes.set(what, await login(idOf(what), rawKey(), tokens[at])))),
      )
    })

    it.each(bad)('%s', async (what, _make, reason) => {
      const id = idOf(what)
      expect(outcomes.get(what)).toMatchObject({ in: false })
      expect(await stateOf(id)).toEqual(['minions_pre'])
      const line = await system.lines.find(one => one.id === id && one.act === 'pend', `the line of ${id}`)
      expect(line.reason).toMatch(reason)
      // The same minion, with a token that speaks for it.
      const good = await create({ ids: id })
      await speaks(opened(await login(id, rawKey(), good.token)), id)
    })
  })

  it("is no operator's password, and no key of the wheel", async () => {
    const { token, name } = await create({ ids: '*' })
    const honest = asMinion('evil', {
      nkey: system.evil.getPublicKey(),
      sig: nonce => Buffer.from(system.evil.sign(Buffer.from(nonce))).toString('base64'),
    })
    await refusedLogin(system, honest, () => ({ user: 'admin', pass: token }), 'admin', /no such name and password/)
    await refusedLogin(system, honest, byKey(rawKey(), { pass: token }), '', /no operator has this key/)
    await wheel('token.revoke', [name])
  })

  it('stands in no event and in no line of the log', async () => {
    const { token } = await create({ ids: 'secret*', uses: 2 })
    await speaks(opened(await login('secret1', rawKey(), token)), 'secret1')
    expect(await login('other1', rawKey(), token)).toMatchObject({ in: false })
    const said = [...system.events.items, ...system.lines.items].map(one => JSON.stringify(one))
    expect(said.some(text => text.includes('secret1'))).toBe(true)
    expect(said.filter(text => text.includes(token))).toEqual([])
    expect(await system.server.log()).not.toContain(token)
  })
})
