import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createCompiler } from '../../src/state/compile.ts'
import { compileFiles, compileOf, functions, idsOf } from './sls.ts'

describe('an SLS becomes chunks', () => {
  it('from all forms that Salt has', async () => {
    const long = { '/etc/a': { file: ['managed', { source: 'salt://a' }] } }
    const dotted = { '/etc/a': { 'file.managed': [{ source: 'salt://a' }] } }
    const chunk = {
      state: 'file',
      name: '/etc/a',
      __sls__: 'web',
      __env__: 'base',
      __id__: '/etc/a',
      source: 'salt://a',
      order: 10_000,
      fun: 'managed',
    }
    expect((await compileOf(long)).chunks).toEqual([chunk])
    expect((await compileOf(dotted)).chunks).toEqual([chunk])
    const { source: _, ...bare } = chunk
    expect((await compileOf({ '/etc/a': 'file.managed' })).chunks).toEqual([bare])
    expect((await compileOf({ '/etc/a': { 'file.managed': [] } })).chunks).toEqual([bare])
  })

  it('of several modules under one ID, in the order of the file', async () => {
    const { chunks } = await compileOf({ nginx: { 'pkg.installed': [], 'service.running': [{ enable: true }] } })
    expect(chunks.map(({ state, fun, order }) => [`${state}.${fun}`, order])).toEqual([
      ['pkg.installed', 10_000],
      ['service.running', 10_001],
    ])
  })

  it('one for each of its names, with arguments of their own', async () => {
    const { chunks } = await compileOf({
      tools: { 'pkg.installed': [{ names: ['vim', { git: [{ version: '2' }] }, 'vim'] }, { version: '1' }] },
    })
    expect(chunks.map(({ name, version, order, __id__ }) => [name, version, order, __id__])).toEqual([
      ['vim', '1', 10_000.0001, 'tools'],
      ['git', '2', 10_000.0002, 'tools'],
    ])
  })

  it('under the name that it gives', async () => {
    const { chunks } = await compileOf({ motd: { 'file.managed': [{ name: '/etc/motd' }] } })
    expect(chunks[0]).toMatchObject({ name: '/etc/motd', __id__: 'motd' })
  })

  it('in the order that `order` asks for', async () => {
    const at = (order: unknown) => ({ 'test.nop': [{ order }] })
    const data = { a: at('last'), b: at(-1), c: at(2), d: { 'test.nop': [] }, e: at('first'), f: at(1), g: at(-2) }
    expect(idsOf(await compileOf(data))).toEqual(['e', 'f', 'c', 'd', 'g', 'b', 'a'])
  })

  it('also of data that must not be changed', async () => {
    const freeze = (value: unknown): unknown => {
      if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze)
      return Object.freeze(value)
    }
    const data = freeze({
      include: ['x'],
      extend: { x: { 'test.nop': [{ require: ['a'] }] } },
      a: { 'test.nop': [{ require_in: [{ test: 'x' }] }] },
    })
    expect(idsOf(await compileOf(data, { x: freeze({ x: { 'test.nop': [{ require: [] }] } }) }))).toEqual(['a', 'x'])
  })

  it('and an empty SLS none', async () => {
    expect(await compileOf(null)).toEqual({ high: {}, chunks: [], requisites: [], errors: [] })
  })
})

describe('high data', () => {
  it('is shown as Salt shows it, extensions and exclusions beside it', async () => {
    const { high } = await compileOf(
      { include: ['x'], extend: { b: { 'test.nop': [{ k: 1 }] } }, exclude: [{ id: 'c' }], a: 'test.nop' },
      { x: { b: { test: ['nop'] } } },
    )
    expect(high).toEqual({
      a: { __sls__: 'web', __env__: 'base', test: ['nop', { order: 10_001 }] },
      b: { __sls__: 'x', __env__: 'base', __sls_included_from__: ['web'], test: ['nop', { order: 10_000 }] },
      __extend__: [{ b: { __sls__: 'web', __env__: 'base', test: [{ k: 1 }, 'nop'] } }],
      __exclude__: [{ id: 'c' }],
    })
  })
})

describe('an include', () => {
  const nop = (...ids: string[]) => Object.fromEntries(ids.map(id => [id, 'test.nop']))

  it('comes before what includes it, once, and may go round', async () => {
    const compiled = await compileFiles(
      { a: { include: ['b', 'c'], ...nop('a') }, b: { include: ['c', 'a'], ...nop('b') }, c: nop('c1', 'c2') },
      { base: ['a', 'c'] },
    )
    expect(idsOf(compiled)).toEqual(['c1', 'c2', 'b', 'a'])
  })

  it.each([
    ['web', '.db', 'db'],
    ['web/init', '.db', 'web.db'],
    ['web/site', '.db', 'web.db'],
    ['web/site', '..db', 'db'],
    ['web/site/init', '..db', 'web.db'],
    ['web/site/init', '...db', 'db'],
  ])('in %s of %s is %s', async (path, include, sls) => {
    const files = { [path]: { include: [include] }, [sls.replaceAll('.', '/')]: nop('found') }
    const name = path.replace(/\/init$/, '').replaceAll('/', '.')
    expect((await compileFiles(files, { base: [name] })).chunks).toMatchObject([{ __id__: 'found', __sls__: sls }])
  })

  it('may come from another environment', async () => {
    const { chunks } = await compileOf({ include: [{ dev: 'x' }] }, { 'dev:x': nop('a') })
    expect(chunks).toMatchObject([{ __id__: 'a', __sls__: 'x', __env__: 'dev' }])
  })

  it('may be a pattern', async () => {
    const files = { 'app/one': nop('1a'), 'app/two/init': nop('2a'), other: nop('3a') }
    expect(idsOf(await compileOf({ include: ['app.*'] }, files))).toEqual(['1a', '2a'])
    expect(idsOf(await compileFiles(files, { base: ['app.*'] }))).toEqual(['1a', '2a'])
  })

  it.each([
    [
      ['nise'],
      "Unknown include: Specified SLS base: nise is not available on the salt master in saltenv(s): base, as SLS 'base:web' includes it. Did you mean 'nice'?",
    ],
    [['..x'], "Attempted relative include of '..x' within SLS 'base:web' goes beyond top level package"],
    [[{ prod: 'x' }], "Nonexistent saltenv 'prod' found in include of 'x' within SLS 'base:web'"],
    ['x', 'Include Declaration in SLS web is not formed as a list'],
    [[5], "Badly formatted include 5 found in include in SLS 'web': write an SLS, or {<environment>: <SLS>}"],
    [
      [{ _xenv: 'x' }],
      'Badly formatted include {"_xenv":"x"} found in include in SLS \'web\': \'_xenv\' is not supported: name the environment',
    ],
  ])('%j is refused', async (include, message) => {
    expect((await compileOf({ include }, { nice: nop('a') })).errors).toEqual([message])
  })

  it('of an ID that there is already is refused by both their SLS', async () => {
    const { errors, chunks } = await compileOf({ include: ['x'], a: 'test.nop' }, { x: nop('a') })
    expect(errors).toEqual([
      "Detected conflicting IDs, SLS IDs need to be globally unique.\n    The conflicting ID is 'a' and is found in SLS 'base:web' and SLS 'base:x'",
    ])
    expect(chunks).toEqual([])
  })

  it('that is not there at the top is refused in the words of Salt', async () => {
    expect((await compileFiles({ web: {} }, { base: ['wep'], prod: ['x'] })).errors).toEqual([
      "No matching sls found for 'wep' in env 'base'. Did you mean 'web'?",
      "No matching salt environment for environment 'prod' found",
    ])
  })

  it('that does not render is refused with the reason', async () => {
    const compiler = createCompiler({
      functions,
      listSls: async () => [],
      renderSls: async () => {
        throw new ReactorError('template', "Jinja variable 'x' is undefined; line 3 of web.sls")
      },
    })
    expect((await compiler.compile({ base: ['web'] })).errors).toEqual([
      "Rendering SLS 'base:web' failed: Jinja variable 'x' is undefined; line 3 of web.sls",
    ])
  })
})

describe('an extension', () => {
  it('adds to requisites and replaces all else', async () => {
    const compiled = await compileOf(
      {
        include: ['x'],
        extend: { a: { 'file.symlink': [{ target: '/t' }, { require: [{ test: 'c' }] }] } },
        c: 'test.nop',
      },
      { x: { a: { 'file.managed': [{ source: 's' }, { target: '/' }, { require: [{ test: 'b' }] }] }, b: 'test.nop' } },
    )
    expect(compiled.chunks.at(-1)).toMatchObject({
      fun: 'symlink',
      source: 's',
      target: '/t',
      require: [{ test: 'b' }, { test: 'c' }],
    })
  })

  it('finds its state by name too', async () => {
    const compiled = await compileOf({
      motd: { 'file.managed': [{ name: '/etc/motd' }] },
      extend: { '/etc/motd': { file: [{ mode: '600' }] } },
    })
    expect(compiled.chunks).toMatchObject([{ __id__: 'motd', mode: '600' }])
  })

  it('of what is not there is refused in the words of Salt', async () => {
    expect((await compileOf({ extend: { nope: { file: [{ mode: '600' }] } } })).errors).toEqual([
      "Cannot extend ID 'nope' in 'base:web'. It is not part of the high state.\nThis is likely due to a missing include statement or an incorrectly typed ID.\nEnsure that a state with an ID of 'nope' is available\nin environment 'base' and to SLS 'web'",
    ])
  })
})

describe('an exclusion', () => {
  const files = { x: { b: 'test.nop', c: 'test.nop' }, 'y/z': { d: 'test.nop' } }

  it('leaves out an SLS, by pattern too, or an ID', async () => {
    const ids = async (exclude: unknown) =>
      idsOf(await compileOf({ include: ['x', 'y.z'], exclude, a: 'test.nop' }, files))
    expect(await ids(['x'])).toEqual(['d', 'a'])
    expect(await ids([{ sls: 'y.*' }])).toEqual(['b', 'c', 'a'])
    expect(await ids([{ id: 'c' }, { id: 'gone' }])).toEqual(['b', 'd', 'a'])
  })

  it('may come with the call', async () => {
    const data = { include: ['x'], a: 'test.nop' }
    expect(idsOf(await compileOf(data, files, { exclude: ['web', { id: 'b' }] }))).toEqual(['c'])
    expect((await compileOf(data, files, { exclude: [5] })).errors).toEqual([
      'Exclude Declaration of the call holds 5: write an SLS, {sls: <SLS>} or {id: <ID>}',
    ])
  })
})
