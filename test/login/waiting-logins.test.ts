import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import type { KeyListener } from '../../src/keys/store.ts'
import { createWaitingLogins } from '../../src/login/waiting-logins.ts'
import type { KeyEntry, KeyState } from '../../src/protocol/key.ts'
import { within } from '../helpers/wait.ts'

const [nkey, other] = [createUser().getPublicKey(), createUser().getPublicKey()]
/** Longer than any test waits: what is held this long is settled by something else. */
const LONG = 3_600_000

function keyStore() {
  const entries = new Map<string, KeyEntry>()
  const listeners = new Set<KeyListener>()
  const set = (id: string, key: string, state: Exclude<KeyState, 'denied'>) => {
    const before = entries.get(id)
    const entry = { id, own: { nkey: key, since: 0, state } }
    entries.set(id, entry)
    for (const listener of listeners) listener(id, entry, before)
  }
  const follow = (listener: KeyListener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return { get: (id: string) => entries.get(id), follow, set, listeners }
}

const settled = async (promise: Promise<boolean>) => {
  const open = Symbol('open')
  const first = await Promise.race([promise, new Promise(resolve => setImmediate(resolve, open))])
  return first === open ? 'held' : first
}

describe('a held login', () => {
  it('ends as soon as its key is accepted', async () => {
    const keys = keyStore()
    const waiting = createWaitingLogins(keys, { holdMs: LONG })
    keys.set('web1', nkey, 'pending')
    const logins = [waiting.accepted('web1', nkey), waiting.accepted('web1', nkey)]
    keys.set('web1', nkey, 'accepted')
    expect(await within(Promise.all(logins), 'the end')).toEqual([true, true])
  })

  it('ends at once where the key was accepted a moment before', async () => {
    const keys = keyStore()
    keys.set('web1', nkey, 'accepted')
    expect(await createWaitingLogins(keys, { holdMs: LONG }).accepted('web1', nkey)).toBe(true)
  })

  it('goes on while others, another key of the id or another state come', async () => {
    const keys = keyStore()
    const waiting = createWaitingLogins(keys, { holdMs: LONG })
    keys.set('web1', nkey, 'pending')
    const login = waiting.accepted('web1', nkey)
    keys.set('web2', nkey, 'accepted')
    keys.set('web1', nkey, 'rejected')
    keys.set('web1', other, 'accepted')
    expect(await settled(login)).toBe('held')
    waiting.release()
  })

  it('ends unaccepted when its time is over', async () => {
    const waiting = createWaitingLogins(keyStore(), { holdMs: 1 })
    expect(await within(waiting.accepted('web1', nkey), 'the end')).toBe(false)
  })

  it('is not held beyond so many, until another has ended', async () => {
    const keys = keyStore()
    const waiting = createWaitingLogins(keys, { holdMs: LONG, max: 2 })
    const first = waiting.accepted('web1', nkey)
    void waiting.accepted('web2', nkey)
    expect(await settled(waiting.accepted('web3', nkey))).toBe(false)
    keys.set('web1', nkey, 'accepted')
    expect(await first).toBe(true)
    expect(await settled(waiting.accepted('web3', nkey))).toBe('held')
    waiting.release()
  })

  it('is let go when the service ends, and nobody is held after that', async () => {
    const keys = keyStore()
    const waiting = createWaitingLogins(keys, { holdMs: LONG })
    const logins = ['web1', 'web1', 'web2'].map(id => waiting.accepted(id, nkey))
    waiting.release()
    expect(await within(Promise.all(logins), 'the end')).toEqual([false, false, false])
    expect(await waiting.accepted('web3', nkey)).toBe(false)
    expect(keys.listeners.size).toBe(0)
  })
})
