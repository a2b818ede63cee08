import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPendingAlarm, createPendingLimit } from '../../src/keys/pending.ts'
import type { KeyListener, KeyStore } from '../../src/keys/store.ts'
import type { KeyEntry } from '../../src/protocol/key.ts'
import { keptLog } from '../helpers/core.ts'

describe('the alarm about pending keys', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function alarm(failing = false) {
    const fired: { tag: string; data: Record<string, unknown> }[] = []
    const { log, lines } = keptLog()
    const running = createPendingAlarm(
      async (tag, data) => {
        fired.push({ tag, data })
        if (failing) throw new Error('the store is full')
        return { id: '', seq: 0 }
      },
      { maxPending: 5, log },
    )
    return { running, fired, lines }
  }

  it('goes off at once, and then at most once a minute, for all that were dropped since', async () => {
    const { running, fired } = alarm()
    running.dropped(['a'])
    expect(fired).toEqual([{ tag: 'salt/alarm/keys/pending_full', data: { dropped: 1, ids: ['a'], max_pending: 5 } }])
    running.dropped(['b', 'c'])
    running.dropped(['d'])
    await vi.advanceTimersByTimeAsync(59_000)
    expect(fired).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(fired[1]?.data).toEqual({ dropped: 3, ids: ['b', 'c', 'd'], max_pending: 5 })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(fired).toHaveLength(2)
    running.dropped(['e'])
    expect(fired).toHaveLength(3)
  })

  it('counts all, and names some', () => {
    const { running, fired } = alarm()
    running.dropped(Array.from({ length: 1000 }, (_, i) => `m${i}`))
    expect(fired[0]?.data.dropped).toBe(1000)
    expect(fired[0]?.data.ids).toHaveLength(20)
  })

  it('stays silent where nothing was dropped, and once it is stopped', async () => {
    const { running, fired } = alarm()
    running.dropped([])
    expect(fired).toEqual([])
    running.dropped(['a'])
    running.dropped(['b'])
    await running.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(fired).toHaveLength(1)
  })

  it('is logged where it cannot be stored', async () => {
    const { running, lines } = alarm(true)
    running.dropped(['a'])
    await vi.advanceTimersByTimeAsync(0)
    expect(lines.items.map(({ msg }) => msg)).toEqual([
      'more keys are pending than are kept: the oldest were dropped',
      'the alarm about pending keys could not be stored',
    ])
  })
})

describe('the limit of pending keys', () => {
  /** A store whose changes show in memory before they have resolved, as they do where many are under way. */
  function store() {
    const entries = new Map<string, KeyEntry>()
    const pending = new Set<string>()
    const listeners: KeyListener[] = []
    const resolve: (() => void)[] = []
    const come = (id: string, denied = false) => {
      const key = { nkey: 'U', since: 0 }
      entries.set(id, { id, own: { ...key, state: 'pending' }, ...(denied ? { denied: key } : {}) })
      pending.add(id)
    }
    const part: Pick<KeyStore, 'ids' | 'change' | 'follow'> = {
      ids: { accepted: new Set(), pending, rejected: new Set() },
      follow(listener) {
        listeners.push(listener)
        return () => undefined
      },
      async change(id, next) {
        const before = entries.get(id)
        const after = next(before)
        if (after === undefined) entries.delete(id)
        else entries.set(id, after)
        if (after?.own?.state !== 'pending') pending.delete(id)
        for (const listener of listeners) listener(id, after, before)
        await new Promise<void>(done => resolve.push(done))
        return { ...(before ? { before } : {}), ...(after ? { after } : {}) }
      },
    }
    return { store: part as KeyStore, entries, pending, come, settle: () => resolve.splice(0).map(done => done()) }
  }

  it('holds while those that are gone have not been answered yet', async () => {
    const { store: keys, pending, come, settle } = store()
    const dropOldest = createPendingLimit(keys, 2)
    for (const id of ['a', 'b', 'c', 'd', 'e']) come(id)
    const first = dropOldest()
    for (const id of ['f', 'g']) come(id)
    const second = dropOldest()
    expect([...pending]).toEqual(['f', 'g'])
    settle()
    expect(await Promise.all([first, second])).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
  })

  it('drops the key that was denied beside it too: else two logins would leave something for ever', async () => {
    const { store: keys, entries, come, settle } = store()
    for (const id of ['a', 'b']) come(id, true)
    const dropped = createPendingLimit(keys, 1)()
    settle()
    expect(await dropped).toEqual(['a'])
    expect([...entries.keys()]).toEqual(['b'])
  })
})
