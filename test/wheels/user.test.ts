import { describe, expect, it } from 'vitest'
import type { Operators } from '../../src/functions/wheel-context.ts'
import { recordedOperators } from '../../src/operators/recorded.ts'
import { keptAudit } from '../helpers/authority.ts'
import { caller } from '../modules/call.ts'

const VIEW = { name: 'ann', roles: ['ops'], login: 'password' as const, since: 1 }
const CALLER = { user: 'root', source: 'OPS', cause: '9', hops: 2 }

function master({ known = true } = {}) {
  const asked: unknown[] = []
  const note = async <T>(what: unknown[], value: T) => {
    asked.push(what)
    if (!known) throw new Error('hunter2 is taken')
    return value
  }
  const operators: Operators = {
    list: () => [VIEW],
    add: wanted => note(['add', wanted], VIEW),
    change: (name, wanted) => note(['change', name, wanted], VIEW),
    async remove(name) {
      asked.push(['remove', name])
      return known
    },
  }
  const { audit, records } = keptAudit()
  const recorded = recordedOperators(operators, audit, CALLER)
  return { call: caller('wheel', { operators: recorded } as never).call, asked, records: records.items }
}

describe('the wheel user', () => {
  it('hands on what it is given, and nothing that it is not', async () => {
    const { call, asked } = master()
    expect(await call('user.list')).toEqual([VIEW])
    expect(await call('user.add', ['ann'], { roles: 'ops, web', password_hash: 'h' })).toEqual(VIEW)
    await call('user.add', ['ann', ['ops'], 'UKEY'])
    await call('user.change', ['ann'], { nkey: 'UKEY' })
    await call('user.change', ['ann', ['web']])
    expect(await call('user.remove', ['ann'])).toBe(true)
    expect(asked).toEqual([
      ['add', { name: 'ann', roles: ['ops', 'web'], password_hash: 'h' }],
      ['add', { name: 'ann', roles: ['ops'], nkey: 'UKEY' }],
      ['change', 'ann', { nkey: 'UKEY' }],
      ['change', 'ann', { roles: ['web'] }],
      ['remove', 'ann'],
    ])
  })

  it('says that there is nobody to remove', async () => {
    const { call, records } = master({ known: false })
    await expect(call('user.remove', ['bob'])).rejects.toMatchObject({
      code: 'not_found',
      message: "there is no operator 'bob'",
    })
    expect(records).toEqual([])
  })

  it.each([
    ['user.add', [], {}],
    ['user.add', ['ann'], {}],
    ['user.change', [], { roles: ['ops'] }],
    ['user.add', ['ann', ['ops']], { password: 'hunter2' }],
  ])('%s refuses %j %j', async (fun, positional, keyword) => {
    await expect(master().call(fun, positional, keyword)).rejects.toMatchObject({ code: 'bad_argument' })
  })
})

describe('the record of a change of operators', () => {
  it('names who did it and to whom, and never by what they log in', async () => {
    const { call, records } = master()
    await call('user.add', ['ann', ['ops']], { password_hash: 'a-hash' })
    await call('user.change', ['ann'], { password_hash: 'a-hash' })
    await call('user.remove', ['ann'])
    await call('user.list')
    expect(records).toEqual(
      ['user.add', 'user.change', 'user.remove'].map(action => ({
        ...{ kind: 'user', user: 'root', source: 'OPS', cause: '9', hops: 2 },
        ...{ action, about: ['ann'], result: 'ok' },
      })),
    )
  })

  it('is made of one that failed', async () => {
    const { call, records } = master({ known: false })
    await expect(call('user.add', ['ann', ['ops']])).rejects.toThrow('hunter2')
    expect(records).toMatchObject([{ action: 'user.add', result: 'failed', reason: 'internal' }])
    expect(JSON.stringify(records)).not.toContain('hunter2')
  })
})
