import { createUser } from '@nats-io/nkeys'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../src/audit/audit.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createTold } from '../../src/login/told.ts'
import { keptLog } from '../helpers/core.ts'
import { nkeyOf } from '../keys/nkeys.ts'

const nkey = createUser().getPublicKey()
const PEND = { act: 'pend', reason: 'its key waits' } as const
const ACCEPT = { act: 'accept', reason: 'its key is accepted' } as const

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open({ fire = async () => ({ id: '', seq: 0 }) } = {}) {
  const events: Record<string, unknown>[] = []
  const records: AuditRecord[] = []
  const { log, lines } = keptLog()
  const told = createTold({
    fire: (tag, data) => {
      events.push({ tag, ...data })
      return fire()
    },
    audit: (_kind, record) => void records.push(record),
    clock: systemClock,
    known: { operator: name => ['ada', 'bob'].includes(name), minion: id => id === 'mine' },
    log,
  })
  const pass = (ms: number) => vi.advanceTimersByTime(ms)
  return { told, events, records, lines, pass }
}

describe('salt/auth', () => {
  it("has Salt's fields", () => {
    const { told, events } = open()
    for (const act of ['accept', 'pend', 'reject', 'denied', 'full'] as const)
      told.minion({ act, reason: '' }, 'web1', nkey)
    expect(events).toEqual([
      { tag: 'salt/auth', result: true, act: 'accept', id: 'web1', pub: nkey },
      { tag: 'salt/auth', result: true, act: 'pend', id: 'web1', pub: nkey },
      { tag: 'salt/auth', result: false, act: 'reject', id: 'web1', pub: nkey },
      { tag: 'salt/auth', result: false, act: 'denied', id: 'web1', pub: nkey },
      { tag: 'salt/auth', result: false, act: 'full', id: 'web1', pub: nkey },
    ])
  })

  it('tells of every accepted login', () => {
    const { told, events } = open()
    for (let n = 0; n < 3; n++) told.minion(ACCEPT, 'web1', nkey)
    expect(events).toHaveLength(3)
  })

  it('tells of others once a minute an id', () => {
    const { told, events, pass } = open()
    for (let n = 0; n < 5; n++) {
      told.minion(PEND, 'web1', nkey)
      told.minion(PEND, 'web2', nkey)
      pass(2000)
    }
    expect(events.map(({ id }) => id)).toEqual(['web1', 'web2'])
    pass(60_000)
    told.minion(PEND, 'web1', nkey)
    expect(events).toHaveLength(3)
  })

  it('tells at once of another key that waits under an id that was told of', () => {
    const { told, events } = open()
    told.minion(PEND, 'web1', nkey)
    told.minion(PEND, 'web1', nkeyOf('another'))
    told.minion(PEND, 'web1', nkeyOf('another'))
    expect(events.map(({ pub }) => pub)).toEqual([nkey, nkeyOf('another')])
  })

  it('tells at once what has become of an id that was told of', () => {
    const { told, events } = open()
    told.minion(PEND, 'web1', nkey)
    told.minion({ act: 'reject', reason: '' }, 'web1', nkey)
    expect(events.map(({ act }) => act)).toEqual(['pend', 'reject'])
  })

  it('tells of so many ids a minute and keeps no more, but of those who are let in', () => {
    const { told, events, pass } = open()
    for (let n = 0; n < 7000; n++) told.minion(PEND, `web${n}`, nkey)
    expect(events).toHaveLength(6000)
    told.minion(ACCEPT, 'web6999', nkey)
    expect(events).toHaveLength(6001)
    pass(60_000)
    told.minion(PEND, 'web6999', nkey)
    expect(events.at(-1)).toMatchObject({ id: 'web6999', act: 'pend' })
  })

  it('is told of minions with a key whatever those without one do', () => {
    const { told, events } = open()
    for (let n = 0; n < 10_000; n++) told.minionUnproved(`x${n}`, '', 'it names no key')
    told.minion(PEND, 'web1', nkey)
    expect(events).toEqual([{ tag: 'salt/auth', result: true, act: 'pend', id: 'web1', pub: nkey }])
    told.stop()
  })

  it('that cannot be stored is logged', async () => {
    const { told, lines } = open({ fire: () => Promise.reject(new Error('full store')) })
    told.minion(ACCEPT, 'web1', nkey)
    await vi.advanceTimersByTimeAsync(0)
    expect(lines.items.map(({ error }) => error)).toEqual(['full store'])
  })
})

describe('the audit record of a login', () => {
  it('says who came in, and who was refused and why', () => {
    const { told, records } = open()
    told.operatorIn('ada', '10.0.0.7')
    told.operatorRefused('bob', '10.0.0.8', 'no such name and password')
    expect(records).toEqual([
      { user: 'ada', source: '10.0.0.7', action: 'login', result: 'ok' },
      { user: 'bob', source: '10.0.0.8', action: 'login', result: 'refused', reason: 'no such name and password' },
    ])
    told.stop()
  })

  it('counts refusals of strangers above so many a minute', () => {
    const { told, records, pass } = open()
    for (let n = 0; n < 100; n++) told.operatorRefused(`eve${n}`, '', 'no')
    expect(records).toHaveLength(60)
    pass(60_000)
    expect(records).toHaveLength(61)
    expect(records.at(-1)).toEqual({
      user: '',
      source: '',
      action: 'login',
      result: 'refused',
      reason: '40 more logins were refused within this minute',
    })
    told.operatorRefused('eve', '', 'no')
    told.operatorRefused('', '', 'no')
    expect(records).toHaveLength(63)
    for (let n = 0; n < 100; n++) told.operatorRefused('eve', '', 'no')
    told.stop()
    expect(records.at(-1)).toMatchObject({ reason: '43 more logins were refused within this minute' })
  })

  it('names an operator whose password is guessed, however many strangers are refused', () => {
    const { told, records, pass } = open()
    for (let n = 0; n < 1000; n++) told.operatorRefused('', '', 'neither a key nor a name')
    const before = records.length
    for (let n = 0; n < 50; n++) told.operatorRefused('bob', '10.0.0.8', 'no such name and password')
    told.operatorRefused('ada', '10.0.0.8', 'no such name and password')
    const later = records.slice(before)
    expect(later.map(({ user }) => user)).toEqual([...Array(10).fill('bob'), 'ada'])
    pass(60_000)
    expect(records.filter(({ user }) => user === 'bob').at(-1)).toMatchObject({
      reason: '40 more logins were refused within this minute',
    })
    expect(records.filter(({ user }) => user === 'ada')).toHaveLength(1)
    told.stop()
  })

  it('is made once a minute for a minion that does not prove its key', () => {
    const { told, records, events, pass } = open()
    for (let n = 0; n < 10; n++) told.minionUnproved('web1', '10.0.0.9', 'it names no key')
    expect(records).toEqual([
      { user: 'minion:web1', source: '10.0.0.9', action: 'login', result: 'refused', reason: 'it names no key' },
    ])
    pass(60_000)
    told.minionUnproved('web1', '10.0.0.9', 'it names no key')
    expect(records).toHaveLength(2)
    expect(events).toEqual([])
    told.stop()
  })

  it('is made for an accepted minion whose id is tried, whatever other ids are', () => {
    const { told, records } = open()
    for (let n = 0; n < 1000; n++) told.minionUnproved(`x${n}`, '', 'it names no key')
    expect(records).toHaveLength(60)
    told.minionUnproved('mine', '10.0.0.9', 'it names no key')
    expect(records.at(-1)).toMatchObject({ user: 'minion:mine', source: '10.0.0.9' })
    told.operatorRefused('eve', '10.0.0.9', 'no')
    expect(records.at(-1)).toMatchObject({ user: 'eve' })
    told.stop()
    expect(records.at(-1)).toMatchObject({ user: '', reason: '940 more logins were refused within this minute' })
  })
})
