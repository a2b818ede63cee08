import { headers as createHeaders } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { createAuthority, maySeeJob } from '../../src/operators/authority.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit, openAuthority } from '../helpers/authority.ts'

const OPERATOR: Grants = { ...NO_GRANTS, runner: ['jobs.*'], wheel: ['key.list'] }
const known = { statics: { UROOT: 'root' }, grants: { ann: OPERATOR, constructor: ALL_GRANTS } }

function headersOf(info?: unknown, more: Record<string, string> = {}) {
  const headers = createHeaders()
  for (const [name, value] of Object.entries(more)) headers.set(name, value)
  if (info !== undefined) headers.set('Nats-Request-Info', typeof info === 'string' ? info : JSON.stringify(info))
  return headers
}

describe('who asks', () => {
  it.each<[string, ReturnType<typeof headersOf> | undefined, string, string, Grants]>([
    [
      'a static operator, by key',
      headersOf({ acc: 'OPS', user: 'UROOT', host: '10.0.0.1' }),
      'root',
      'OPS 10.0.0.1',
      ALL_GRANTS,
    ],
    ['an operator, by name', headersOf({ acc: 'OPS', user: 'ann' }), 'ann', 'OPS', OPERATOR],
    ['an operator that nobody knows', headersOf({ acc: 'OPS', user: 'bob' }), 'bob', 'OPS', NO_GRANTS],
    ['one that is called as a static one', headersOf({ acc: 'OPS', user: 'root' }), 'root', 'OPS', NO_GRANTS],
    ['a minion with an operator’s name', headersOf({ acc: 'FLEET', user: 'ann' }), 'ann', 'FLEET', NO_GRANTS],
    ['a minion with a static key', headersOf({ acc: 'FLEET', user: 'UROOT' }), 'UROOT', 'FLEET', NO_GRANTS],
    ['an attestation that names CORE', headersOf({ acc: 'CORE', user: 'UROOT' }), 'UROOT', 'CORE', NO_GRANTS],
    ['one without an account', headersOf({ user: 'ann' }), 'ann', 'unknown', NO_GRANTS],
    ['one that cannot be read', headersOf('{'), 'unknown', 'unknown', NO_GRANTS],
    ['one beside a claim', headersOf({ acc: 'OPS', user: 'bob' }, { 'Reactor-User': 'root' }), 'bob', 'OPS', NO_GRANTS],
    [
      'what every object has is no static operator',
      headersOf({ acc: 'OPS', user: 'toString' }),
      'toString',
      'OPS',
      NO_GRANTS,
    ],
    ['a service of CORE, for a rule', headersOf(undefined, { 'Reactor-User': 'rule:r' }), 'rule:r', 'CORE', ALL_GRANTS],
    ['a service of CORE that says nothing', undefined, 'unknown', 'CORE', ALL_GRANTS],
  ])('%s', (_what, headers, user, source, grants) => {
    const asker = openAuthority(known).asker(headers)
    expect({ user: asker.user, source: asker.source, grants: asker.grants() }).toEqual({ user, source, grants })
  })

  it('may everything without accounts, and is whom they say', () => {
    const authority = createAuthority({
      ...{ accounts: false, statics: known.statics, store: { grants: () => undefined }, audit: () => undefined },
    })
    const asker = authority.asker(headersOf(undefined, { 'Reactor-User': 'ann' }))
    expect({ user: asker.user, grants: asker.grants() }).toEqual({ user: 'ann', grants: ALL_GRANTS })
  })

  it('may only what they may now, however long ago they asked', () => {
    const grants: Record<string, Grants> = { ann: OPERATOR }
    const asker = openAuthority({ grants }).asker(headersOf({ acc: 'OPS', user: 'ann' }))
    expect(asker.grants()).toBe(OPERATOR)
    delete grants.ann
    expect(asker.grants()).toEqual(NO_GRANTS)
  })
})

describe('a runner or wheel function', () => {
  const { audit, records } = keptAudit()
  const authority = openAuthority({ ...known, audit })
  const asker = authority.asker(headersOf({ acc: 'OPS', user: 'ann', host: '10.0.0.1' }))

  it('that is granted may be called, and leaves no record here', () => {
    expect(() => authority.requireFunction(asker, 'runner', 'jobs.list_jobs')).not.toThrow()
    expect(() => authority.requireFunction(asker, 'wheel', 'key.list')).not.toThrow()
    expect(records.items).toEqual([])
  })

  it.each([
    ['runner', 'manage.up'],
    ['runner', 'key.list'],
    ['wheel', 'key.list_all'],
    ['wheel', 'jobs.list_jobs'],
  ] as const)('is refused where the right is for another: %s %s', (kind, fun) => {
    const reason = `'ann' may not call ${kind} '${fun}': no role of theirs grants it`
    expect(() => authority.requireFunction(asker, kind, fun)).toThrow(
      expect.objectContaining({ code: 'forbidden', message: reason }),
    )
    expect(records.items.at(-1)).toEqual({
      ...{ kind, user: 'ann', source: 'OPS 10.0.0.1', action: fun, result: 'refused', reason },
    })
  })
})

it.each<[string, Grants | undefined, boolean]>([
  ['their own', NO_GRANTS, true],
  ["the program's view of any", undefined, true],
])('a job is seen: %s', (_what, grants, seen) => {
  expect(maySeeJob('ann', grants, { user: 'ann' })).toBe(seen)
})

it("another's job is seen with the right to everybody's only", () => {
  expect(maySeeJob('ann', NO_GRANTS, { user: 'bob' })).toBe(false)
  expect(maySeeJob('ann', { ...NO_GRANTS, jobs: 'all' }, { user: 'bob' })).toBe(true)
  expect(maySeeJob('ann', undefined, { user: 'bob' })).toBe(true)
})
