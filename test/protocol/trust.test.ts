import { describe, expect, it } from 'vitest'
import { minionOrigin, type Origin, SERVICES, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import {
  everyArgument,
  isValuePaths,
  SOURCE,
  untrustedSources,
  untrustedTargetProblem,
} from '../../src/protocol/trust.ts'

const namesOf = (origin: Origin, tag: string, data: Record<string, unknown> = {}) => {
  const sources = untrustedSources(origin, tag, data)
  return Object.entries(SOURCE).flatMap(([name, bit]) => ((sources & bit) === 0 ? [] : [name]))
}

describe('of an event, not to be trusted is', () => {
  it('nothing that an operator fired', () => {
    expect(namesOf(userOrigin('ann'), 'deploy/web', { id: '*' })).toEqual([])
    expect(namesOf(userOrigin('ann'), 'salt/auth', { id: '*' })).toEqual([])
  })

  it('what a minion says, but for its name', () => {
    expect(namesOf(minionOrigin('web1'), 'salt/minion/web1/start', { id: 'web1' })).toEqual(['data', 'tag', 'grains'])
  })

  it.each(['*', 'web*', 'a b', 'G@os:x', 'or', 'NOT', '../x', 'ẃeb', ''])(
    'the name of a minion too, where it is %j',
    id => {
      expect(namesOf(minionOrigin(id), 'x', { id })).toEqual(['data', 'id', 'tag', 'grains', 'origin'])
    },
  )

  it.each(['salt/auth', 'salt/key', 'salt/minion/web1/start', 'salt/presence/change'])(
    'what the master tells in %s, but for an id that it has checked',
    tag => {
      expect(namesOf(serviceOrigin('_master'), tag, { id: 'web1' })).toEqual(['data', 'grains'])
      expect(namesOf(serviceOrigin('_master'), tag, { id: 'web*' })).toEqual(['data', 'id', 'grains'])
      expect(namesOf(serviceOrigin('_master'), tag, {})).toEqual(['data', 'id', 'grains'])
      expect(namesOf(serviceOrigin('_master'), tag, { id: ['web1'] })).toEqual(['data', 'id', 'grains'])
    },
  )

  it.each(['salt/authentic', 'salt/run/1/ret', 'my/salt/auth'])('an id that the master tells in %s', tag => {
    expect(namesOf(serviceOrigin('_master'), tag, { id: 'web1' })).toContain('id')
  })

  it.each(SERVICES.filter(service => service !== '_master'))('what %s repeats, ids included', service => {
    expect(namesOf(serviceOrigin(service), 'salt/auth', { id: 'web1' })).toEqual(
      expect.arrayContaining(['data', 'id', 'grains']),
    )
  })

  it('a tag of a service outside of salt/, and any tag of the gateway', () => {
    expect(namesOf(serviceOrigin('_jobs'), 'salt/run/1/ret')).not.toContain('tag')
    expect(namesOf(serviceOrigin('_jobs'), 'my/tag')).toContain('tag')
    expect(namesOf(serviceOrigin('_gateway'), 'salt/netapi/hook/x')).toContain('tag')
  })
})

describe('a target that an untrusted value fills', () => {
  it.each([
    ['web1', 'glob', []],
    ['web1', 'list', []],
    [['a', 'b.example.com'], 'list', []],
    [['*', 'web1'], 'list', [1]],
  ])('may be %j (%s, from %j)', (tgt, type, path) => {
    expect(untrustedTargetProblem(tgt, type, [path])).toBeUndefined()
  })

  it.each<[unknown, string, number[]]>([
    ['*', 'glob', []],
    ['web?', 'glob', []],
    ['web[1]', 'glob', []],
    ['a,b', 'list', []],
    ['', 'glob', []],
    ['a\n', 'glob', []],
    [['web1', '*'], 'list', []],
    [['web1', '*'], 'list', [1]],
    [[], 'list', []],
    [['web1'], 'list', [3]],
    [5, 'glob', []],
    [{ a: 'web1' }, 'glob', []],
  ])('may not be %j (%s, from %j)', (tgt, type, path) => {
    expect(untrustedTargetProblem(tgt, type, [path])).toContain("is no minion's id")
  })

  it.each(['compound', 'pcre', 'grain', 'grain_pcre', 'nodegroup', 'ipcidr', 'pillar', 'compound_pillar_exact'])(
    'may be nothing at all in one of type %s',
    type => {
      expect(untrustedTargetProblem('web1', type, [[]])).toContain(`a target of type ${type}`)
    },
  )

  it('is any where nothing in it is untrusted', () => {
    expect(untrustedTargetProblem('G@os:x or *', 'compound', [])).toBeUndefined()
  })
})

describe('paths to values', () => {
  it('are lists of names and indexes', () => {
    expect(
      isValuePaths([
        ['arg', 0, 'a.b'],
        ['kwarg', 'cmd'],
      ]),
    ).toBe(true)
    expect(isValuePaths(everyArgument([1, 2], { a: 1 }))).toBe(true)
  })

  it.each([undefined, {}, 'arg', ['arg.0'], [[]], [['arg', -1]], [['arg', 1.5]], [['arg', null]], [[['arg']]]])(
    'are not %j',
    value => {
      expect(isValuePaths(value)).toBe(false)
    },
  )
})
