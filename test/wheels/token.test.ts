import { describe, expect, it } from 'vitest'
import { createJoinTokens } from '../../src/keys/token-operations.ts'
import { useConnection } from '../helpers/connected.ts'
import { openKeys } from '../keys/keeping.ts'
import { caller } from '../modules/call.ts'

const shared = useConnection()
const HOUR = 3_600_000

async function wheel() {
  const keeping = await openKeys(shared.nc)
  const tokens = createJoinTokens(keeping.tokens, keeping.audit)({ user: 'ada', source: 'OPS' })
  return { ...keeping, ...caller('wheel', { tokens, user: 'ada' }) }
}

describe('wheel token', () => {
  it('makes tokens, lists them without their secret, and ends them', async () => {
    const { call, clock } = await wheel()
    const made = (await call('token.create', [], { ids: 'web*', uses: 3, expires: '2h' })) as Record<string, unknown>
    const { token, ...shown } = made
    expect(token).toMatch(/^rjt_/)
    expect(shown).toEqual({
      name: expect.any(String),
      ids: 'web*',
      uses_left: 3,
      expires: clock.nowMs + 2 * HOUR,
      created_by: 'ada',
    })
    expect(await call('token.list')).toEqual([shown])
    expect(await call('token.revoke', [shown.name])).toBe(true)
    expect(await call('token.revoke', [shown.name])).toBe(false)
    expect(await call('token.list')).toEqual([])
  })

  it('makes a token for one minion of any id within the hour, unless it is told more; a number is seconds', async () => {
    const { call, clock } = await wheel()
    expect(await call('token.create')).toMatchObject({ ids: '*', uses_left: 1, expires: clock.nowMs + HOUR })
    expect(await call('token.create', [], { expires: 60 })).toMatchObject({ expires: clock.nowMs + 60_000 })
  })

  it.each([{ uses: 0 }, { uses: 1.5 }, { expires: 'soon' }, { expires: 0 }, { ids: '' }, { ids: 'a b' }])(
    'makes none of %j',
    async kwarg => {
      const { call } = await wheel()
      await expect(call('token.create', [], kwarg)).rejects.toMatchObject({ code: 'bad_argument' })
      expect(await call('token.list')).toEqual([])
    },
  )
})
