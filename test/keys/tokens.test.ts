import { describe, expect, it } from 'vitest'
import { openBucket } from '../../src/bus/bucket.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { useConnection } from '../helpers/connected.ts'
import { openElsewhere, openKeys } from './keeping.ts'

const shared = useConnection()
const HOUR = 3_600_000
const wanted = { ids: 'web*', uses: 2, expiresMs: HOUR, by: 'root' }

describe('join tokens', () => {
  it('give their secret once, and store only its hash', async () => {
    const { tokens, namespace, clock } = await openKeys(shared.nc)
    const made = await tokens.create(wanted)
    expect(made).toEqual({
      name: expect.stringMatching(/^[0-9a-f]{12}$/),
      ids: 'web*',
      expires: clock.nowMs + HOUR,
      uses_left: 2,
      created_by: 'root',
      token: expect.stringMatching(/^rjt_[A-Za-z0-9_-]{32}$/),
    })
    const { token, ...shown } = made
    expect(tokens.list()).toEqual([shown])
    const bucket = await openBucket(shared.nc, bucketNames(namespace).tokens, { replicas: 1 })
    const stored = (await bucket.get(made.name))!.string()
    expect(stored).not.toContain(token.slice(4))
    expect(JSON.parse(stored)).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/), created_by: 'root' })
  })

  it('are taken so often as they have uses, for ids that match', async () => {
    const { tokens } = await openKeys(shared.nc)
    const { token, name } = await tokens.create(wanted)
    expect(await tokens.take(token, 'db1')).toEqual({ ok: false, reason: `join token ${name} is for the ids 'web*'` })
    expect(await tokens.take(token, 'web1')).toEqual({ ok: true, name })
    expect(await tokens.take(token, 'web2')).toEqual({ ok: true, name })
    expect(await tokens.take(token, 'web3')).toEqual({ ok: false, reason: `join token ${name} has no uses left` })
    await tokens.giveBack(name)
    expect(await tokens.take(token, 'web3')).toEqual({ ok: true, name })
  })

  it('of N uses are N, however many masters take at once', async () => {
    const one = await openKeys(shared.nc)
    const { token } = await one.tokens.create({ ...wanted, uses: 25 })
    const two = await openElsewhere(shared.server, one)
    const taken = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (i % 2 ? one : two).tokens.take(token, `web${i}`)),
    )
    expect(taken.filter(({ ok }) => ok)).toHaveLength(25)
  })

  it('are good for nothing once they have expired, and go', async () => {
    const { tokens, clock } = await openKeys(shared.nc)
    const { token, name } = await tokens.create(wanted)
    clock.nowMs += HOUR
    expect(await tokens.take(token, 'web1')).toEqual({ ok: false, reason: `join token ${name} has expired` })
    expect(tokens.list()).toEqual([])
    expect(await tokens.revoke(name)).toBe(false)
    expect(await tokens.take(token, 'web1')).toMatchObject({ ok: false, reason: expect.stringMatching(/not known/) })
  })

  it('are good for nothing once they were revoked', async () => {
    const { tokens } = await openKeys(shared.nc)
    const { token, name } = await tokens.create(wanted)
    expect(await tokens.revoke(name)).toBe(true)
    expect(await tokens.revoke(name)).toBe(false)
    expect(await tokens.take(token, 'web1')).toMatchObject({ ok: false, reason: expect.stringMatching(/not known/) })
    expect(tokens.list()).toEqual([])
  })

  it.each(['', 'x', 'rjt_', `rjt_${'a'.repeat(32)}`, `rjt_${'a'.repeat(33)}`, '../x', 'rjt_>*', '💥'])(
    'do not let in by %j',
    async text => {
      const { tokens } = await openKeys(shared.nc)
      await tokens.create({ ...wanted, ids: '*' })
      expect(await tokens.take(text, 'web1')).toMatchObject({ ok: false })
      expect(await tokens.revoke(text)).toBe(false)
    },
  )

  it('cannot be taken by their name', async () => {
    const { tokens } = await openKeys(shared.nc)
    const { name } = await tokens.create({ ...wanted, ids: '*' })
    expect(await tokens.take(name, 'web1')).toMatchObject({ ok: false })
    expect(await tokens.take(`rjt_${name.padEnd(32, '0')}`, 'web1')).toMatchObject({ ok: false })
  })

  it.each([
    ['ids', { ids: '' }],
    ['ids', { ids: 'a b' }],
    ['ids', { ids: 'a'.repeat(1001) }],
    ['uses', { uses: 0 }],
    ['uses', { uses: 1.5 }],
    ['uses', { uses: Number.POSITIVE_INFINITY }],
    ['expires', { expiresMs: 0 }],
    ['expires', { expiresMs: Number.NaN }],
  ])('are not made of wrong %s %j', async (what, wrong) => {
    const { tokens } = await openKeys(shared.nc)
    await expect(tokens.create({ ...wanted, ...wrong })).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(what),
    })
    expect(tokens.list()).toEqual([])
  })
})
