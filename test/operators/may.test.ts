import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTagCheck, matchesFunction, mayCallSomewhere, notAllowed, within } from '../../src/operators/may.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { tagToTokens } from '../../src/protocol/tag.ts'

const IDS = ['web1', 'web2', 'db1', 'db2', 'edge']
const known = new Map(IDS.map(id => [id, { id, grains: { role: id.replace(/\d/, '') } }]))
const fleet = {
  minion: (id: string) => known.get(id),
  targets: { nodegroups: { data: 'db*', all: 'web* or N@data' }, pillar: false },
}
const granting = (...local: Grants['local']): Grants => ({ ...NO_GRANTS, local })

describe('a call on minions', () => {
  const grants = granting(
    { tgt: 'web*', funs: ['service.*'] },
    { tgt: 'G@role:db', funs: ['service.status', 'cmd.run'] },
    { funs: ['test.ping'] },
  )
  it.each<[string, string, string[], string[]]>([
    ['each needs a grant with the function and the minion', 'service.restart', ['web1', 'db1', 'web2'], ['db1']],
    ['several grants may cover it together', 'service.status', ['web1', 'db1'], []],
    ['one for any minion covers all', 'test.ping', IDS, []],
    ['a function of another grant does not help', 'cmd.run', ['web1', 'db1'], ['web1']],
    ['a function that nothing grants is allowed nowhere', 'cmd.shell', ['db1', 'web1'], ['db1', 'web1']],
    ['a name that only begins alike is another', 'test.ping2', ['web1'], ['web1']],
    ['a minion that nobody knows is on no target', 'service.restart', ['web9'], ['web9']],
  ])('%s', (_what, fun, minions, refused) => {
    expect(notAllowed(grants, fun, minions, fleet)).toEqual(refused)
  })

  it('is followed only on minions where something is granted', () => {
    const find = 'saltutil.find_job'
    const web = granting({ tgt: 'web*', funs: ['a.b'] })
    expect(notAllowed(grants, find, IDS, fleet, true)).toEqual([])
    expect(notAllowed(web, find, ['web1', 'db1'], fleet, true)).toEqual(['db1'])
    expect(notAllowed(NO_GRANTS, find, ['web1'], fleet, true)).toEqual(['web1'])
    // A job of somebody else.
    expect(notAllowed(web, find, ['web1'], fleet)).toEqual(['web1'])
  })

  it('knows the nodegroups', () => {
    expect(notAllowed(granting({ tgt: 'N@all', funs: ['*'] }), 'x.y', IDS, fleet)).toEqual(['edge'])
  })

  it('is allowed somewhere where some grant has its function', () => {
    expect(
      ['service.x', 'cmd.run', 'test.ping', 'pkg.x', 'saltutil.find_job'].map(fun => mayCallSomewhere(grants, fun)),
    ).toEqual([true, true, true, false, false])
    expect(mayCallSomewhere(grants, 'saltutil.find_job', true)).toBe(true)
    expect(mayCallSomewhere(NO_GRANTS, 'saltutil.find_job', true)).toBe(false)
    expect(mayCallSomewhere(ALL_GRANTS, 'x.y')).toBe(true)
  })
})

it('of a target without a function those minions are left on which anything is granted', () => {
  expect(within(granting({ tgt: 'db*', funs: ['a.b'] }, { tgt: 'web2', funs: ['c.d'] }), IDS, fleet)).toEqual([
    ...['web2', 'db1', 'db2'],
  ])
  expect(within(NO_GRANTS, IDS, fleet)).toEqual([])
  expect(within(granting({ funs: ['a.b'] }), IDS, fleet)).toEqual(IDS)
})

describe('against a model that looks at every pair', () => {
  const TARGETS: Record<string, (id: string) => boolean> = {
    '*': () => true,
    'web*': id => id.startsWith('web'),
    'L@db1,web1': id => id === 'db1' || id === 'web1',
    'G@role:web and not web2': id => id === 'web1',
    'not N@data': id => !id.startsWith('db'),
    'E@(db|edge)\\d?': id => !id.startsWith('web'),
    nobody: () => false,
  }
  const FUNS: Record<string, (fun: string) => boolean> = {
    '*': () => true,
    'test.*': fun => fun.startsWith('test.'),
    'test.ping': fun => fun === 'test.ping',
    '*.ping': fun => fun.endsWith('.ping'),
    'cmd.ru?': fun => /^cmd\.ru.$/.test(fun),
  }
  const grant = fc.record(
    {
      tgt: fc.constantFrom(...Object.keys(TARGETS)),
      funs: fc.uniqueArray(fc.constantFrom(...Object.keys(FUNS)), { minLength: 1 }),
    },
    { requiredKeys: ['funs'] },
  )
  const fun = fc.constantFrom('test.ping', 'test.sleep', 'cmd.run', 'cmd.rum', 'net.ping', 'testing.ping', 'x.y')

  it('says the same', () => {
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 4 }), fun, fc.shuffledSubarray(IDS), (local, name, minions) => {
        const wanted = minions.filter(
          id => !local.some(({ tgt = '*', funs }) => TARGETS[tgt]!(id) && funs.some(glob => FUNS[glob]!(name))),
        )
        expect(notAllowed(granting(...local), name, minions, fleet)).toEqual(wanted)
        const somewhere = local.some(({ funs }) => funs.some(glob => FUNS[glob]!(name)))
        expect(mayCallSomewhere(granting(...local), name)).toBe(somewhere)
      }),
      { numRuns: 500 },
    )
  })

  it('more grants never take anything away', () => {
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 3 }), grant, fun, (local, more, name) => {
        const before = new Set(notAllowed(granting(...local), name, IDS, fleet))
        for (const id of notAllowed(granting(...local, more), name, IDS, fleet)) expect(before.has(id)).toBe(true)
      }),
    )
  })
})

it.each<[string, string, boolean]>([
  ['*', 'a.b', true],
  ['jobs.*', 'jobs.list_jobs', true],
  ['jobs.*', 'jobsx.list', false],
  ['jobs.*', 'my.jobs.list', false],
  ['*.list', 'key.list', true],
  ['key.?ist', 'key.list', true],
  ['key.list', 'key.list_all', false],
  ['key.list', 'KEY.list', false],
])('the glob %s of functions says of %s: %s', (glob, fun, matches) => {
  expect(matchesFunction([glob], fun)).toBe(matches)
})

describe('tags', () => {
  it.each<[string[], string, boolean]>([
    [['**'], 'anything', true],
    [[], 'salt/auth', false],
    [['salt/auth'], 'salt/auth', true],
    [['salt/auth'], 'salt/auth/', false],
    [['salt/*'], 'salt/auth', true],
    [['salt/*'], 'salt/job/1', false],
    [['salt/**'], 'salt', true],
    [['salt/**'], 'salt/job/1/new', true],
    [['salt/job/*/ret/**'], 'salt/job/1/ret/web1', true],
    [['salt/job/*/ret/**'], 'salt/job/1/new', false],
    [['deploy/**', 'x'], 'x', true],
    [['deploy/**'], 'deployment/a', false],
    // What looks like a separator, or a wildcard, on the wire is a letter of a tag.
    [['a/*'], 'a/b.c', true],
    [['a.b/*'], 'a/b/c', false],
    [['a/*'], 'a/*', true],
    [['a/b'], 'a/>', false],
  ])('of %j have %s: %s', (globs, tag, matches) => {
    expect(createTagCheck(globs)(tag)).toBe(matches)
  })

  it('with one segment for a star never have a deeper one', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), segments => {
        const tag = segments.join('/')
        const depth = tagToTokens(tag).split('.').length
        expect(createTagCheck(['*'])(tag)).toBe(depth === 1)
        expect(createTagCheck(['*/*'])(tag)).toBe(depth === 2)
      }),
    )
  })
})
