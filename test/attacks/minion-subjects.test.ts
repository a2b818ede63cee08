// A minion that is in: the subjects that it may not speak on, and those that it may not hear.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createJidSource } from '../../src/protocol/jid.ts'
import { type Attacker, attackWith, expectWell, wire } from './attacker.ts'
import { startSystem, type System } from './system.ts'

let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem()
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())
afterEach(() => expectWell(system))

const JID = createJidSource()()

/** What it may: so that a refusal below is one of the subject. */
beforeAll(async () => {
  expect(JSON.parse(await evil.ask('reactor.event.evil.own', '{}'))).toMatchObject({ stream: 'reactor_EVENTS' })
  expect(JSON.parse(await evil.ask('reactor.grains.evil', '{"os":"Debian"}'))).toEqual({ ok: true })
  expect(await evil.refusedSubscribe('reactor.job.evil')).toBe(false)
  expect(await evil.refusedSubscribe('_INBOX_evil.mine')).toBe(false)
})

/** Everything that is stored from sequence to sequence, by everybody. */
const storedBy = (origin: string) => system.events.items.filter(event => `${event.origin.kind}:${event.origin.id}` === origin)

describe('an event under the name of another is refused and not stored', () => {
  it.each([
    'reactor.event.web1.forged',
    'reactor.event.web1.salt.minion.web1.start',
    `reactor.event.web1.salt.job.${JID}.ret.web1`,
    'reactor.event._master.forged',
    'reactor.event._master.salt.key',
    'reactor.event._master.salt.presence.change',
    'reactor.event._user-admin.forged',
    'reactor.event._jobs.forged',
    `reactor.event._jobs.salt.job.${JID}.new`,
    'reactor.event._gateway.forged',
    'reactor.event.evil',
    'reactor.event.*.forged',
    'reactor.event.>',
    'reactor.event.Evil.forged',
    'reactor.event.evil=2Eexample.forged',
  ])('%s', async subject => {
    const before = system.events.items.length
    expect(await evil.refusedPublish(subject, '{"data":{"forged":1}}')).toBe(true)
    // An event of its own comes after whatever the first led to.
    await evil.ask('reactor.event.evil.after', '{"data":{"after":1}}')
    await system.events.find(
      event => event.tag === 'after' && system.events.items.indexOf(event) >= before,
      'the event after it',
    )
    expect(system.events.items.filter(({ data }) => data.forged === 1)).toEqual([])
  })
})

describe('what only services say is refused', () => {
  it.each([
    'reactor.job.web1',
    'reactor.job.evil',
    'reactor.live.web1.x',
    'reactor.live._master.salt.key',
    'reactor.decision.done.w1',
    `reactor.jobs.${JID}`,
    `reactor.jobs.${JID}.web1`,
    'reactor.reaction.fast.any',
    'reactor.done.w1',
    'reactor.parked.id.rule',
    '_INBOX_web1.x.y',
    '_INBOX__master.x.y',
    '_INBOX_evil.x',
    '_R_.abcdef.ghijkl',
  ])('on %s', async subject => {
    expect(await evil.refusedPublish(subject)).toBe(true)
  })

  it('on the subject of a login', async () => {
    for (const subject of ['$SYS.REQ.USER.AUTH', '$SYS.REQ.SERVER.PING', '$SYS._INBOX.x', '$SYS.REQ.SERVER.X.KICK'])
      expect(await evil.refusedPublish(subject)).toBe(true)
  })
})

describe('what is of others cannot be asked for', () => {
  const services = ['grains', 'beat', 'missed', 'payload', 'mine', 'peer']
  it.each(services.flatMap(service => [`${service}.web1`, `${service}.*`, `${service}.>`, service]))('%s', async name => {
    expect(await evil.refusedPublish(`reactor.${name}`, '{"os":"forged"}')).toBe(true)
    const { minions } = await grainsOf('web1')
    expect(minions).not.toMatchObject({ os: 'forged' })
  })

  it.each([
    'publish',
    'runner.test.arg',
    'runner.manage.up',
    'wheel.key.list_all',
    'wheel.key.accept',
    'wheel.user.add',
    'wheel.token.create',
    'history.events',
    'history.job',
    'history.jobs',
    'history.payload',
  ])('%s, of operators', async name => {
    expect(await evil.refusedPublish(`reactor.${name}`)).toBe(true)
    await expect(evil.ask(`reactor.${name}`, '{}', undefined, 5000)).rejects.toThrow(/Permissions Violation/i)
  })

  it.each(['$SRV.PING', '$SRV.INFO', '$SRV.STATS.reactor-wheel'])('%s, which tells of the services', async subject => {
    expect(await evil.refusedPublish(subject)).toBe(true)
  })

  const grainsOf = async (id: string) => {
    const { minions } = (await system.run<{ minions?: Record<string, unknown> }>('runner', 'manage.up').then(up => ({
      minions: { up },
    }))) as { minions: Record<string, unknown> }
    return { minions: { ...minions, id } }
  }
})
