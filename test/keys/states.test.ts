import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptKey, arrive, deleteKey, rejectKey, seedKey } from '../../src/keys/states.ts'
import { KEY_STATES, type KeyEntry, type KeyState } from '../../src/protocol/key.ts'
import { nkeyOf } from './nkeys.ts'

const [A, B] = [nkeyOf('a'), nkeyOf('b')]
const own = (state: 'accepted' | 'pending' | 'rejected', nkey = A) => ({ nkey, since: 1, state })
const denied = { nkey: B, since: 2 }
const from = (...states: KeyState[]) => new Set(states)

describe('accepting a key', () => {
  it('accepts one that is pending, and a rejected one only where that is wanted', () => {
    const accepted = { id: 'm', own: { nkey: A, since: 9, state: 'accepted' } }
    expect(acceptKey({ id: 'm', own: own('pending') }, from('pending'), 9)).toEqual(accepted)
    expect(acceptKey({ id: 'm', own: own('rejected') }, from('pending', 'rejected'), 9)).toEqual(accepted)
    const rejected = { id: 'm', own: own('rejected') }
    expect(acceptKey(rejected, from('pending'), 9)).toBe(rejected)
  })

  it("puts a denied key in the place of the id's own, only where that is wanted", () => {
    const entry = { id: 'm', own: own('accepted'), denied }
    expect(acceptKey(entry, from('pending', 'denied'), 9)).toEqual({
      id: 'm',
      own: { nkey: B, since: 9, state: 'accepted' },
    })
    expect(acceptKey(entry, from('pending', 'rejected'), 9)).toBe(entry)
    expect(acceptKey({ id: 'm', own: own('pending'), denied }, from('pending'), 9)).toEqual({
      id: 'm',
      own: { nkey: A, since: 9, state: 'accepted' },
      denied,
    })
  })

  it('leaves an accepted key as it is, its time included, and makes none', () => {
    const entry = { id: 'm', own: own('accepted') }
    expect(acceptKey(entry, from(...KEY_STATES), 9)).toBe(entry)
    expect(acceptKey(undefined, from(...KEY_STATES), 9)).toBeUndefined()
  })
})

describe('rejecting a key', () => {
  it('rejects one that is pending, and an accepted one only where that is wanted', () => {
    const rejected = { id: 'm', own: { nkey: A, since: 9, state: 'rejected' } }
    expect(rejectKey({ id: 'm', own: own('pending') }, from('pending'), 9)).toEqual(rejected)
    expect(rejectKey({ id: 'm', own: own('accepted') }, from('pending', 'accepted'), 9)).toEqual(rejected)
    const accepted = { id: 'm', own: own('accepted') }
    expect(rejectKey(accepted, from('pending'), 9)).toBe(accepted)
  })

  it('keeps the accepted key of an id whose denied key is rejected', () => {
    expect(rejectKey({ id: 'm', own: own('accepted'), denied }, from('pending', 'denied'), 9)).toEqual({
      id: 'm',
      own: own('accepted'),
    })
    expect(rejectKey({ id: 'm', denied }, from('pending', 'denied'), 9)).toEqual({
      id: 'm',
      own: { nkey: B, since: 9, state: 'rejected' },
    })
  })
})

describe('deleting keys', () => {
  it('forgets the id with all its keys, or the denied one alone', () => {
    const entry = { id: 'm', own: own('accepted'), denied }
    expect(deleteKey(entry, from(...KEY_STATES))).toBeUndefined()
    expect(deleteKey(entry, from('denied'))).toEqual({ id: 'm', own: own('accepted') })
    expect(deleteKey(entry, from('accepted'))).toEqual({ id: 'm', denied })
    expect(deleteKey(entry, from('pending'))).toBe(entry)
  })
})

describe('that a key of the config was deleted', () => {
  const deleted = { nkey: A, since: 5 }

  it('is left behind with the own key alone gone, or all', () => {
    expect(deleteKey({ id: 'm', own: own('accepted') }, from(...KEY_STATES), deleted)).toEqual({ id: 'm', deleted })
    const entry = { id: 'm', own: own('accepted'), denied }
    expect(deleteKey(entry, from('accepted'), deleted)).toEqual({ id: 'm', denied, deleted })
    expect(deleteKey(entry, from('denied'), deleted)).toEqual({ id: 'm', own: own('accepted') })
  })

  it('stays through what comes, is rejected and gives way, until a key is accepted', () => {
    const gone = { id: 'm', deleted }
    expect(deleteKey(gone, from(...KEY_STATES), { nkey: A, since: 9 })).toBe(gone)
    const waits = arrive(gone, { id: 'm', nkey: A, state: 'pending' }, 9)
    expect(waits).toEqual({ id: 'm', own: { nkey: A, since: 9, state: 'pending' }, deleted })
    expect(deleteKey(waits, from('pending'))).toEqual(gone)
    expect(rejectKey(waits, from('pending'), 9)?.deleted).toEqual(deleted)
    expect(rejectKey({ id: 'm', denied, deleted }, from('denied'), 9)?.deleted).toEqual(deleted)
    expect(arrive(waits, { id: 'm', nkey: B, state: 'accepted', over: true }, 9).deleted).toEqual(deleted)
    expect(acceptKey(waits, from('pending'), 9)?.deleted).toBeUndefined()
    expect(acceptKey({ ...waits, denied }, from('denied'), 9)?.deleted).toBeUndefined()
    expect(seedKey(waits, 'm', A, 9).deleted).toBeUndefined()
  })
})

describe('a key that comes', () => {
  it('gets the state that it is given where nothing was decided yet', () => {
    for (const state of ['accepted', 'pending', 'rejected'] as const) {
      const after = { id: 'm', own: { nkey: A, since: 9, state } }
      expect(arrive(undefined, { id: 'm', nkey: A, state }, 9)).toEqual(after)
      if (state !== 'pending')
        expect(arrive({ id: 'm', own: own('pending') }, { id: 'm', nkey: A, state }, 9)).toEqual(after)
    }
  })

  it('changes nothing that was decided', () => {
    for (const was of ['accepted', 'rejected'] as const) {
      const entry = { id: 'm', own: own(was) }
      for (const state of ['accepted', 'pending', 'rejected'] as const)
        expect(arrive(entry, { id: 'm', nkey: A, state, over: true }, 9)).toBe(entry)
    }
  })

  it('is denied where the id has another, and the last such key is remembered, once a minute', () => {
    const entry = { id: 'm', own: own('pending') }
    const once = arrive(entry, { id: 'm', nkey: B, state: 'accepted' }, 9)
    expect(once).toEqual({ id: 'm', own: own('pending'), denied: { nkey: B, since: 9 } })
    expect(arrive(once, { id: 'm', nkey: B, state: 'accepted' }, 10)).toBe(once)
    expect(arrive(once, { id: 'm', nkey: nkeyOf('c'), state: 'pending' }, 60_008)).toBe(once)
    expect(arrive(once, { id: 'm', nkey: nkeyOf('c'), state: 'pending' }, 60_009).denied).toEqual({
      nkey: nkeyOf('c'),
      since: 60_009,
    })
  })

  it('takes the place of one that only waits where somebody vouches for it, never of an accepted or rejected one', () => {
    const came = { id: 'm', nkey: B, state: 'accepted', over: true } as const
    expect(arrive({ id: 'm', own: own('pending') }, came, 9)).toEqual({
      id: 'm',
      own: { nkey: B, since: 9, state: 'accepted' },
      denied: { nkey: A, since: 9 },
    })
    for (const state of ['accepted', 'rejected'] as const)
      expect(arrive({ id: 'm', own: own(state) }, came, 9).own).toEqual(own(state))
  })

  it('is not denied any more once it is the own one', () => {
    expect(arrive({ id: 'm', denied }, { id: 'm', nkey: B, state: 'pending' }, 9)).toEqual({
      id: 'm',
      own: { nkey: B, since: 9, state: 'pending' },
    })
  })
})

describe('a key that is seeded', () => {
  it('is the own one and accepted, whatever was before', () => {
    expect(seedKey(undefined, 'm', A, 9)).toEqual({ id: 'm', own: { nkey: A, since: 9, state: 'accepted' } })
    expect(seedKey({ id: 'm', own: own('rejected'), denied }, 'm', B, 9)).toEqual({
      id: 'm',
      own: { nkey: B, since: 9, state: 'accepted' },
    })
    const same = { id: 'm', own: own('accepted') }
    expect(seedKey(same, 'm', A, 9)).toBe(same)
  })
})

describe('whatever happens to the keys of an id', () => {
  const key = fc.constantFrom(A, B, nkeyOf('c'))
  const states = fc.subarray([...KEY_STATES]).map(list => new Set(list))
  type Step = (entry: KeyEntry | undefined, nowMs: number) => KeyEntry | undefined
  const login = fc
    .record({
      nkey: key,
      state: fc.constantFrom('accepted' as const, 'pending' as const, 'rejected' as const),
      over: fc.boolean(),
    })
    .map(
      (came): Step =>
        (entry, now) =>
          arrive(entry, { id: 'm', ...came }, now),
    )
  const operator = fc.oneof(
    states.map(
      (set): Step =>
        (entry, now) =>
          acceptKey(entry, set, now),
    ),
    states.map(
      (set): Step =>
        (entry, now) =>
          rejectKey(entry, set, now),
    ),
    fc.tuple(states, fc.option(key, { nil: undefined })).map(
      ([set, nkey]): Step =>
        (entry, since) =>
          deleteKey(entry, set, nkey === undefined ? undefined : { nkey, since }),
    ),
    key.map(
      (nkey): Step =>
        (entry, now) =>
          seedKey(entry, 'm', nkey, now),
    ),
  )
  const run = (steps: Step[]) =>
    steps.reduce<KeyEntry | undefined>((entry, step, at) => step(entry, at + 10), undefined)

  it('it has an own key, a denied one or a deleted one, or is forgotten, and no own key is denied', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(login, operator), { maxLength: 30 }), steps => {
        const entry = run(steps)
        if (entry === undefined) return
        expect(entry.id).toBe('m')
        expect(Object.keys(entry).length).toBeGreaterThan(1)
        if (entry.own) expect(entry.own.nkey).not.toBe(entry.denied?.nkey)
      }),
    )
  })

  it('no login changes a key that operators have accepted or rejected', () => {
    fc.assert(
      fc.property(fc.array(operator), fc.array(login), (before, logins) => {
        const entry = run(before)
        if (!entry?.own || entry.own.state === 'pending') return
        const after = logins.reduce<KeyEntry | undefined>((now, step) => step(now, 99), entry)
        expect(after?.own).toEqual(entry.own)
      }),
    )
  })
})
