import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('module event', () => {
  it("fires as Salt's minions do", async () => {
    const { call, recorded } = caller('execution', { grains: { os: 'Debian', kernel: 'Linux' } })
    expect(await call('event.send', ['my/tag', { a: 1 }], { b: 2, a: 3, with_grains: ['os', 'nope'] })).toBe(true)
    expect(await call('event.fire_master', [{ a: 2 }, 'my/other'])).toBe(true)
    const frame = { id: 'web1', cmd: '_minion_event', pretag: null }
    expect(recorded.fired).toEqual([
      { tag: 'my/tag', data: { ...frame, tag: 'my/tag', data: { a: 1, b: 2, grains: { os: 'Debian' } } } },
      { tag: 'my/other', data: { ...frame, tag: 'my/other', data: { a: 2 } } },
    ])
  })

  it('adds of the minion what is asked for, but never its environment', async () => {
    const pillar = { current: () => ({ value: { role: 'web', password: 'x' } }), hide: (value: unknown) => value }
    const { call, recorded } = caller('execution', { pillar: pillar as never })
    expect(await call('event.send', ['my/tag', {}, { beside: 1, id: 'db1' }], { with_pillar: ['role'] })).toBe(true)
    expect(recorded.fired[0]!.data).toMatchObject({ data: { pillar: { role: 'web' } }, beside: 1, id: 'web1' })
    expect(recorded.fired[0]!.data.data).toEqual({ pillar: { role: 'web' } })
    await expect(call('event.send', ['my/tag'], { with_env: true })).rejects.toThrow('the environment of a minion')
  })

  it('fires data as they are from a job worker', async () => {
    const { call, recorded } = caller('runner')
    expect(await call('event.send', ['my/tag', { z: 1 }])).toBe(true)
    expect(await call('event.send', ['my/bare'])).toBe(true)
    expect(recorded.fired).toEqual([
      { tag: 'my/tag', data: { z: 1 } },
      { tag: 'my/bare', data: {} },
    ])
  })

  it('writes no audit record from a job worker, as which it would be believed', async () => {
    const { call, recorded } = caller('runner')
    for (const tag of ['salt/audit/login', 'salt/audit'])
      await expect(call('event.send', [tag])).rejects.toMatchObject({ code: 'forbidden' })
    expect(await call('event.send', ['my/salt/audit'])).toBe(true)
    expect(recorded.fired).toHaveLength(1)
  })

  it('fails where the event is not stored, and refuses data that are no map', async () => {
    const fire = () => Promise.reject(new Error('the store is full'))
    await expect(caller('execution', { fire }).call('event.send', ['t'])).rejects.toThrow('the store is full')
    await expect(caller('runner', { fire }).call('event.send', ['t'])).rejects.toThrow('the store is full')
    await expect(caller('execution').call('event.send', ['t', 'text'])).rejects.toThrow("argument 'data'")
    await expect(caller('execution').call('event.send', [''])).rejects.toThrow("argument 'tag'")
  })
})
