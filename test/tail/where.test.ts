import { describe, expect, it } from 'vitest'
import { createTagFilter } from '../../src/tail/filter.ts'
import { parseWhere } from '../../src/tail/where.ts'

const event = {
  tag: 'salt/job/1/ret/web1',
  origin: 'web1',
  data: {
    id: 'web1',
    retcode: 2,
    ok: true,
    none: null,
    path: '/etc/nginx/nginx.conf',
    load: { '1m': '2.5' },
    minions: ['db1', 'web2'],
    items: [{ n: 1 }, { n: 5 }],
    'a.b': { 'c.d': 'dots' },
  },
}
const holds = (...conditions: string[]) => parseWhere(conditions, () => undefined)(event)

describe('a condition', () => {
  it.each([
    ['data.id=web*', true],
    ['data.id=db*', false],
    ['data.id!=db*', true],
    ['data.path=/etc/*.conf', true],
    ['data.path=?etc[^a]nginx*', true],
    ['data.path=!(/etc)', true],
    ['data.path=!(/etc/*)', false],
    ['data.retcode=2', true],
    ['data.ok=true', true],
    ['data.missing=', true],
    ['data.none=', true],
    ['data.id=', false],
    ['data.missing!=x', true],
    ['data.missing=*', false],
    ['data.retcode>1', true],
    ['data.retcode>2', false],
    ['data.retcode>=2', true],
    ['data.load.1m<3', true],
    ['data.id>1', false],
    ['data.id~^web\\d$', true],
    ['data.id!~^web', false],
    ['tag=salt/job/*/ret/*', true],
    ['tag=salt/*', false],
    ['tag=salt/**', true],
    ['tag~ret/web', true],
    ['origin=web?', true],
    ['data.minions=web*', true],
    ['data.minions.0=web*', false],
    ['data.items.n>4', true],
    ['data.a.b=*', false],
    [' data.id = web1 ', true],
  ])('%s is %s', (condition, expected) => {
    expect(holds(condition)).toBe(expected)
  })

  it('must hold together with all others', () => {
    expect(holds('data.id=web*', 'data.retcode!=0')).toBe(true)
    expect(holds('data.id=web*', 'data.retcode=0')).toBe(false)
  })

  it.each([
    ['data.id', /--where 'data\.id': a path, an operator/],
    ['id=web1', /'id' is no field: there are tag, origin and data/],
    ['data.=x', /is no field/],
    ['data.n>many', /'>' compares numbers, and 'many' is none/],
    ['data.id~(', /[Ii]nvalid regular expression/],
    ['data.id=[a', /never closed/],
  ])('%s is refused with what was expected', (condition, message) => {
    expect(() => holds(condition)).toThrow(message)
  })

  it('cannot be kept busy for ever by what a minion sends, and says so once', () => {
    const told: string[] = []
    const where = parseWhere(['data.id~^(a+)+$'], line => told.push(line))
    const hostile = { tag: 't', origin: 'm', data: { id: `${'a'.repeat(50)}b` } }
    expect([where(hostile), where(hostile)]).toEqual([false, false])
    expect(told).toHaveLength(1)
    expect(told[0]).toContain("--where 'data.id~^(a+)+$' took longer than")
    expect(where({ tag: 't', origin: 'm', data: { id: 'aaa' } })).toBe(true)
  })
})

describe('globs of tags', () => {
  it('mean any of them, without those excluded', () => {
    const filter = createTagFilter(['salt/job/**', 'deploy/*', '!salt/job/*/new'])
    expect(
      ['salt/job/1/ret/a', 'salt/job/1/new', 'deploy/x', 'deploy/x/y', 'salt/beacon/m/load/'].map(filter.tag),
    ).toEqual([true, false, true, false, false])
  })

  it('mean every tag where there are none, or only excluding ones', () => {
    expect(createTagFilter([]).tag('a//b/')).toBe(true)
    const others = createTagFilter(['!salt/**'])
    expect([others.tag('mine'), others.tag('salt/auth')]).toEqual([true, false])
  })

  it('are refused where they cannot be read', () => {
    expect(() => createTagFilter([''])).toThrow(/a glob is not understood/)
  })
})
