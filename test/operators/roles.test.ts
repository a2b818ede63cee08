import { describe, expect, it } from 'vitest'
import { matchesFunction } from '../../src/operators/may.ts'
import { type RoleConfig, readRoles, sumGrants } from '../../src/operators/roles.ts'
import { ALL_GRANTS, NO_GRANTS } from '../../src/protocol/role.ts'

const targets = { nodegroups: { edge: 'G@role:edge' }, pillar: false }
const read = (entries: RoleConfig[string]) => readRoles({ ops: entries }, targets).get('ops')

describe('a role', () => {
  it.each<[string, RoleConfig[string], object]>([
    ['functions on any minion', ['test.*'], { local: [{ funs: ['test.*'] }] }],
    [
      'functions on some minions',
      [{ 'web*': ['service.*', 'cmd.run'] }],
      { local: [{ tgt: 'web*', funs: ['service.*', 'cmd.run'] }] },
    ],
    [
      'functions on a compound target, nodegroups included',
      [{ 'G@os:Debian and not N@edge': ['pkg.install'] }],
      { local: [{ tgt: 'G@os:Debian and not N@edge', funs: ['pkg.install'] }] },
    ],
    [
      'several targets in one map',
      [{ 'web*': ['a.b'], 'db*': ['c.d'] }],
      {
        local: [
          { tgt: 'web*', funs: ['a.b'] },
          { tgt: 'db*', funs: ['c.d'] },
        ],
      },
    ],
    ['all runner functions', ['@runner'], { runner: ['*'] }],
    ['some runner functions', [{ '@runner': ['jobs.*', 'manage.up'] }], { runner: ['jobs.*', 'manage.up'] }],
    ['all wheel functions', ['@wheel'], { wheel: ['*'] }],
    ['some wheel functions', [{ '@wheel': ['key.list*'] }], { wheel: ['key.list*'] }],
    ['reading all events', ['@events'], { read: ['**'] }],
    ['reading some events', [{ '@events': ['salt/job/**'] }], { read: ['salt/job/**'] }],
    ['firing some events', [{ '@fire': ['deploy/**'] }], { fire: ['deploy/**'] }],
    ["everybody's jobs, with the runner module of jobs", ['@jobs'], { runner: ['jobs.*'], jobs: 'all' }],
    ['nothing where it is empty', [], {}],
  ])('grants %s', (_what, entries, grants) => {
    expect(read(entries)).toEqual({ ...NO_GRANTS, ...grants })
  })

  it('grants the sum of its entries', () => {
    expect(read(['test.*', { 'web*': ['cmd.run'] }, '@jobs', { '@runner': ['manage.*'] }])).toEqual({
      ...NO_GRANTS,
      local: [{ funs: ['test.*'] }, { tgt: 'web*', funs: ['cmd.run'] }],
      runner: ['jobs.*', 'manage.*'],
      jobs: 'all',
    })
  })

  it.each<[string, RoleConfig[string], RegExp]>([
    [
      'a regular expression',
      ['test\\..*'],
      /roles: 'ops': 'test\\\..*': expected a glob of functions such as 'test\.\*'/,
    ],
    [
      'a target without functions',
      ['web*'],
      /got 'web\*'; functions on some minions only are written \{'web\*': \[test/,
    ],
    ['a function without a module', [{ 'web*': ['run'] }], /'web\*': expected a glob of functions .* got 'run'/],
    ['a class in a glob of functions', ['test.[a-c]*'], /got 'test\.\[a-c\]\*'/],
    ['an empty text', [''], /expected a glob of functions/],
    ['an empty list', [{ 'web*': [] }], /'web\*' has an empty list/],
    ['an empty map', [{}], /an entry is an empty map/],
    ['a target that is none', [{ 'web* and': ['test.ping'] }], /'web\* and' is no target as 'reactor call -C' has it/],
    ['a nodegroup that there is not', [{ 'N@egde': ['test.ping'] }], /'N@egde' is no target.*edge/s],
    ['a target by pillar', [{ 'I@a:b': ['test.ping'] }], /'I@a:b' is no target/],
    ['a kind that there is not', ['@runers'], /'@runers' is none of @runner, .*Did you mean '@runner'/],
    ['a kind that there is not, with a list', [{ '@event': ['a'] }], /Did you mean '@events'/],
    ['jobs with a list', [{ '@jobs': ['own'] }], /'@jobs' stands alone/],
    ['a bad function of a runner', [{ '@runner': ['jobs'] }], /'@runner': expected a glob of functions/],
    ['a tag that NATS cannot enforce', [{ '@events': ['salt/jo*'] }], /'@events': 'salt\/jo\*' cannot be granted/],
    ['an empty tag', [{ '@fire': [''] }], /'@fire': '' cannot be granted/],
  ])('is refused with %s', (_what, entries, message) => {
    expect(() => read(entries)).toThrow(message)
    expect(() => read(entries)).toThrow(expect.objectContaining({ code: 'bad_config' }))
  })

  it.each(['admin', 'reader'])('cannot be called as the built-in %s', name => {
    expect(() => readRoles({ [name]: ['test.*'] }, targets)).toThrow(`roles: '${name}': it is built in`)
  })
})

describe('built-in', () => {
  const roles = readRoles({}, targets)

  it('admin grants everything', () => {
    expect(roles.get('admin')).toBe(ALL_GRANTS)
  })

  it('reader grants reading and nothing that changes anything', () => {
    const { local, fire, read, jobs, runner, wheel } = roles.get('reader')!
    expect({ local, fire, read, jobs }).toEqual({ local: [], fire: [], read: ['**'], jobs: 'all' })
    for (const fun of [
      ...['jobs.list_jobs', 'jobs.lookup_jid', 'jobs.active', 'manage.up', 'manage.versions', 'sys.doc'],
      ...['rules.list', 'rules.show', 'rules.history', 'reactor.list'],
      ...['cloud.query', 'cloud.full_query', 'cloud.list_providers', 'cloud.list_profiles'],
    ])
      expect({ fun, allowed: matchesFunction(runner, fun) }).toEqual({ fun, allowed: true })
    for (const fun of [
      'jobs.kill',
      'jobs.retry',
      'event.send',
      'http.query',
      'smtp.send_msg',
      'test.sleep',
      'manage.down',
      ...['rules.enable', 'rules.disable', 'rules.push'],
      ...['cloud.create', 'cloud.profile', 'cloud.destroy'],
    ])
      expect({ fun, allowed: matchesFunction(runner, fun) }).toEqual({ fun, allowed: false })
    for (const fun of ['key.list_all', 'key.finger', 'minions.connected'])
      expect({ fun, allowed: matchesFunction(wheel, fun) }).toEqual({ fun, allowed: true })
    for (const fun of ['key.accept', 'key.delete', 'key.gen', 'user.add', 'user.list', 'token.create', 'config.values'])
      expect({ fun, allowed: matchesFunction(wheel, fun) }).toEqual({ fun, allowed: false })
  })
})

describe('several roles', () => {
  const roles = readRoles({ a: ['test.*', '@jobs'], b: [{ 'web*': ['cmd.run'] }, { '@events': ['x/**'] }] }, targets)

  it('add up', () => {
    expect(sumGrants([roles.get('a')!, roles.get('b')!])).toEqual({
      ...NO_GRANTS,
      local: [{ funs: ['test.*'] }, { tgt: 'web*', funs: ['cmd.run'] }],
      runner: ['jobs.*'],
      read: ['x/**'],
      jobs: 'all',
    })
  })

  it('are everything where one is', () => {
    expect(sumGrants([roles.get('a')!, ALL_GRANTS])).toBe(ALL_GRANTS)
  })

  it('are nothing where there are none', () => {
    expect(sumGrants([])).toEqual(NO_GRANTS)
  })
})
