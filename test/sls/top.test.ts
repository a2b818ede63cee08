import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { availableSls, createTopMatcher, expandSls, readTop, type TopOptions } from '../../src/sls/top.ts'

type Data = Record<string, unknown>

const MINION = {
  id: 'web1',
  grains: { id: 'web1', os: 'Debian', roles: ['www'], ipv4: ['10.0.0.7'] },
  pillar: { role: { name: 'front' } },
}
const CONTEXT = { nodegroups: { fronts: 'web* and G@os:Debian' }, pillar: true }

/** Tops by environment, and under `env/sls` what they include. */
async function matchesOf(files: Readonly<Record<string, unknown>>, options: Partial<TopOptions> = {}) {
  const envs = [...new Set(Object.keys(files).map(name => name.split('/')[0]!))]
  const read = async (sls: string, saltenv: string) => {
    const found = files[sls === 'top' ? saltenv : `${saltenv}/${sls}`]
    if (found instanceof Error) throw found
    return found
  }
  const top = await readTop({ envs, read }, { strategy: 'merge', ...options })
  const { matches, errors } = createTopMatcher(CONTEXT)(top.top, MINION, options.saltenv)
  return { matches, errors: [...top.errors, ...errors] }
}

const matched = async (section: Data) => (await matchesOf({ base: { base: section } })).matches

describe('a target of a top file', () => {
  it.each<[string, string | undefined]>([
    ['*', undefined],
    ['web*', undefined],
    ['web* and G@os:Debian', undefined],
    ['not db*', undefined],
    ['I@role:name:front', undefined],
    ['N@fronts', undefined],
    ['web?', 'glob'],
    ['w.b\\d', 'pcre'],
    ['os:Deb*', 'grain'],
    ['roles:w{3}', 'grain_pcre'],
    ['db1,web1', 'list'],
    ['role:name:fr*', 'pillar'],
    ['role:name:^front$', 'pillar_pcre'],
    ['role:name:front', 'pillar_exact'],
    ['10.0.0.0/8', 'ipcidr'],
    ['fronts', 'nodegroup'],
    ['E@web.* or db1', 'compound'],
  ])('matches by %s (%s)', async (target, match) => {
    const items = [...(match ? [{ match }] : []), 'web.nginx']
    expect(await matched({ [target]: items, [match ? 'db*' : 'db1']: ['database'] })).toEqual({ base: ['web.nginx'] })
  })

  it('may stand for one SLS without a list, and gives each SLS once', async () => {
    expect(await matched({ '*': 'common', 'web*': ['common', 'web'] })).toEqual({ base: ['common', 'web'] })
  })

  it('counts in the order that it asks for', async () => {
    expect(await matched({ '*': [{ order: 2 }, 'last'], 'web*': [{ order: 1 }, 'first'] })).toEqual({
      base: ['first', 'last'],
    })
  })

  it.each<[string, unknown, string]>([
    ['is malformed', ['a', 'b'], "Top file of environment 'base', target 'web* and': bad target"],
    ['has a match of no type', [{ match: 'globb' }, 'a'], "target type 'globb' is not one of"],
    ['has no list', { a: 1 }, "Malformed topfile (state declarations not formed as a list): target 'web* and'"],
    [
      'has an empty name',
      [''],
      "Environment base contains an empty sls index: target 'web* and' of environment 'base'",
    ],
    ['has another option', [{ subfilter: {} }], "'subfilter' in a top file is not supported"],
    ['may be missing or not', [{ ignore_missing: 'yes' }], 'ignore_missing must be True or False, got "yes"'],
    ['has an empty match', [{ match: '' }], 'Improperly formatted top file matcher (match: "")'],
  ])('that %s is an error that names it, and the others count', async (_what, items, error) => {
    const { matches, errors } = await matchesOf({ base: { base: { 'web* and': items, '*': ['common'] } } })
    expect(matches).toEqual({ base: ['common'] })
    expect(errors).toEqual([expect.stringContaining(error)])
  })
})

describe('the top files of several environments', () => {
  const files = {
    base: { base: { '*': ['b'] }, dev: { '*': ['d-of-base'] } },
    dev: { dev: { '*': ['d'] }, base: { 'web*': ['b-of-dev'] } },
    qa: { qa: { '*': ['q'] } },
  }

  it('are merged so that what base says of an environment counts alone', async () => {
    expect((await matchesOf(files)).matches).toEqual({ base: ['b'], dev: ['d-of-base'], qa: ['q'] })
  })

  it('count each for its own environment, with default_top for one that has none', async () => {
    const given = { ...files, qa: null, base: { ...files.base, qa: { '*': ['q-of-base'] } } }
    expect((await matchesOf(given, { strategy: 'same', defaultTop: 'base' })).matches).toEqual({
      base: ['b'],
      dev: ['d'],
      qa: ['q-of-base'],
    })
  })

  it('are all merged, and one target gets the SLS of each', async () => {
    expect((await matchesOf(files, { strategy: 'merge_all' })).matches).toEqual({
      base: ['b', 'b-of-dev'],
      dev: ['d-of-base', 'd'],
      qa: ['q'],
    })
  })

  it('of pillar are all read, and of one target the last counts', async () => {
    expect((await matchesOf(files, { strategy: 'replace' })).matches).toEqual({
      base: ['b', 'b-of-dev'],
      dev: ['d'],
      qa: ['q'],
    })
  })

  it('count in the order of env_order, and no others', async () => {
    expect((await matchesOf(files, { strategy: 'replace', envOrder: ['qa', 'base', 'gone'] })).matches).toEqual({
      qa: ['q'],
      base: ['b'],
      dev: ['d-of-base'],
    })
  })

  it('but one are left aside where one is asked for', async () => {
    expect((await matchesOf(files, { saltenv: 'dev' })).matches).toEqual({ dev: ['d'] })
  })

  it('cannot each count for its own without a default_top', async () => {
    const problem = matchesOf(files, { strategy: 'same' })
    await expect(problem).rejects.toThrow(/top_file_merging_strategy set to same, but no default_top/)
  })
})

describe('a top file', () => {
  it('includes others, once', async () => {
    const { matches } = await matchesOf({
      base: { include: ['more'], base: { '*': ['a'] } },
      'base/more': { include: ['more'], base: { 'web*': ['b'] } },
    })
    expect(matches).toEqual({ base: ['a', 'b'] })
  })

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'cannot be rendered',
      { base: new ReactorError('template', 'no such filter') },
      "Rendering Primary Top file of environment 'base' failed, render error:\nno such filter",
    ],
    ['is no map', { base: ['a'] }, "Top data was not formed as a dict (top in environment 'base')"],
    ['has no targets', { base: { base: 'a' } }, 'The top file matches for saltenv base are not formatted as a dict'],
    [
      'includes what is not there',
      { base: { include: ['gone'] } },
      "Top file of environment 'base' includes 'gone', which is not there",
    ],
    [
      'includes what is no list',
      { base: { include: 'x' } },
      "Include of top in environment 'base' is not formed as a list",
    ],
  ])('that %s is an error that names its environment', async (_what, files, error) => {
    expect((await matchesOf(files)).errors).toEqual([expect.stringContaining(error)])
  })

  it('that is empty says nothing', async () => {
    expect(await matchesOf({ base: null })).toEqual({ matches: {}, errors: [] })
  })
})

describe('the name of an SLS', () => {
  it('is that of its file', () => {
    expect(availableSls(['web/init.sls', 'web/nginx.sls', 'top.sls', 'web/a.conf'])).toEqual([
      'top',
      'web',
      'web.nginx',
    ])
  })

  it('may be a glob, which means itself where it matches nothing', () => {
    expect(expandSls('web.*', ['web', 'web.a', 'web.b'])).toEqual(['web.a', 'web.b'])
    expect(expandSls('db.*', ['web'])).toEqual(['db.*'])
    expect(expandSls('web', [])).toEqual(['web'])
  })
})
