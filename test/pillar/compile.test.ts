import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { type PillarFiles, type PillarTest, pillarOf } from './pillar-roots.ts'

const ALL = "base: {'*': [main]}"

async function valueFrom(files: PillarFiles, test?: PillarTest) {
  const { value, errors } = await (await pillarOf({ 'base/top.sls': ALL, ...files }, test)).compile()
  expect(errors).toEqual([])
  return value
}

async function errorsOf(files: PillarFiles, test?: PillarTest) {
  return (await pillarOf({ 'base/top.sls': ALL, ...files }, test)).compile()
}

describe('the pillar of a minion', () => {
  it('is what the top file gives it, merged in that order', async () => {
    const value = await valueFrom({
      'base/top.sls': "base: {'*': [common, web], 'G@os:Debian': [debian], 'db*': [db]}",
      'base/common.sls': 'a: {x: 1, list: [1, 2]}\n',
      'base/web/init.sls': 'a: {y: 2, list: [3]}\n',
      'base/debian.sls': 'os: {{ grains.os }} on {{ minion_id }} in {{ saltenv }}\n',
      'base/db.sls': 'db: 1\n',
    })
    expect(value).toEqual({ a: { x: 1, y: 2, list: [3] }, os: 'Debian on web1 in base' })
  })

  it('joins lists where pillar_merge_lists says so', async () => {
    const files = {
      'base/top.sls': "base: {'*': [one, two]}",
      'base/one.sls': 'a: [1]\n',
      'base/two.sls': 'a: [1, 2]\n',
    }
    expect(await valueFrom(files, { config: { pillar_merge_lists: true } })).toEqual({ a: [1, 2] })
    expect(await valueFrom(files)).toEqual({ a: [1, 2] })
  })

  it('takes globs of SLS names', async () => {
    const value = await valueFrom({
      'base/top.sls': "base: {'*': ['users.*']}",
      'base/users/ann.sls': 'users: {ann: 1}\n',
      'base/users/bob.sls': 'users: {bob: 2}\n',
    })
    expect(value).toEqual({ users: { ann: 1, bob: 2 } })
  })

  it('has what the call lays over it, which templates see too', async () => {
    const pillar = await pillarOf({
      'base/top.sls': ALL,
      'base/main.sls': "a: {x: 1, y: 2}\nsaw: {{ pillar.get('who', 'nobody') }}\n",
    })
    expect((await pillar.compile({ override: { who: 'me', a: { x: 9 } } })).value).toEqual({
      ...{ a: { x: 9, y: 2 }, saw: 'me', who: 'me' },
    })
    expect((await pillar.compile()).value).toEqual({ a: { x: 1, y: 2 }, saw: 'nobody' })
  })

  it('is that of its environments, merged, or of one', async () => {
    const files = {
      'base/top.sls': "base: {'*': [main]}\n",
      'base/main.sls': 'a: base\nb: base\n',
      'dev/top.sls': "dev: {'*': [main]}\n",
      'dev/main.sls': 'a: dev\n',
    }
    const pillar = await pillarOf(files)
    expect((await pillar.compile()).value).toEqual({ a: 'dev', b: 'base' })
    expect((await pillar.compile({ pillarenv: 'dev' })).value).toEqual({ a: 'dev' })
    expect((await pillar.compile({ saltenv: 'dev' })).value).toEqual({ a: 'dev', b: 'base' })
    expect((await pillar.compile({ pillarenv: 'qa' })).errors).toEqual([
      "pillarenv 'qa' not found in the configured pillar environments (base, dev)",
    ])
    const fromSaltenv = await pillarOf(files, { config: { pillarenv_from_saltenv: true } })
    expect((await fromSaltenv.compile({ saltenv: 'dev' })).value).toEqual({ a: 'dev' })
    const apart = await pillarOf(files, { config: { pillar_source_merging_strategy: 'none' } })
    expect((await apart.compile()).value).toEqual({ a: 'base', b: 'base' })
  })

  it('is made of the files as they are when it is asked for', async () => {
    const pillar = await pillarOf({ 'base/top.sls': ALL, 'base/main.sls': 'a: 1\n' })
    for (let a = 1; a < 20; a++) {
      await pillar.write('base/main.sls', `a: ${a}\n`)
      expect((await pillar.compile()).value).toEqual({ a })
    }
  })

  it('may ask for grains and pillar as Salt has it, and for nothing else', async () => {
    const value = await valueFrom({
      'base/main.sls': [
        "os: {{ salt['grains.get']('os') }}",
        "none: {{ salt['pillar.get']('x:y', 'nothing') }}",
        "pkg: {{ salt['grains.filter_by']({'Debian': 'apt', 'default': 'rpm'}, grain='os') }}",
      ].join('\n'),
    })
    expect(value).toEqual({ os: 'Debian', none: 'nothing', pkg: 'apt' })
    const { errors } = await errorsOf({ 'base/main.sls': "a: {{ salt['cmd.run']('id') }}\n" })
    expect(errors).toEqual([expect.stringContaining("there is no function salt['cmd.run']()")])
  })
})

describe('an include in pillar', () => {
  it('lies below the SLS that has it, in order', async () => {
    const value = await valueFrom({
      'base/main.sls': 'include: [one, two]\na: main\n',
      'base/one.sls': 'a: one\nb: one\nc: one\n',
      'base/two.sls': 'b: two\n',
    })
    expect(value).toEqual({ a: 'main', b: 'two', c: 'one' })
  })

  it('may have defaults and a key, which are its own', async () => {
    const value = await valueFrom({
      'base/main.sls': [
        'include:',
        '  - site: {defaults: {name: one}, key: "sites:one"}',
        '  - site: {defaults: {name: two}, key: "sites:two"}',
        '  - plain',
      ].join('\n'),
      'base/site.sls': 'host: {{ name }}.example\n',
      'base/plain.sls': 'has: {{ name is defined }}\n',
    })
    expect(value).toEqual({ sites: { one: { host: 'one.example' }, two: { host: 'two.example' } }, has: false })
  })

  it('is found beside the SLS that has it, and above', async () => {
    const value = await valueFrom({
      'base/top.sls': "base: {'*': [web, web.site]}",
      'base/web/init.sls': 'include: [.more]\n',
      'base/web/site.sls': 'include: [.more, ..up]\n',
      'base/web/more.sls': 'more: 1\n',
      'base/up.sls': 'up: 1\n',
    })
    expect(value).toEqual({ more: 1, up: 1 })
  })

  it('that leads back to itself has an end', async () => {
    const value = await valueFrom({
      'base/main.sls': 'include: [other]\na: main\n',
      'base/other.sls': 'include: [main]\na: other\nb: other\n',
    })
    expect(value).toEqual({ a: 'main', b: 'other' })
  })

  it.each<[string, string, string]>([
    ['is no list', 'include: one\n', "Include Declaration in SLS 'main' is not formed as a list"],
    [
      'is missing',
      'include: [gone]\n',
      "Specified SLS 'gone' in environment 'base' is not available on the salt master",
    ],
    ['has an unknown option', 'include: [{one: {default: {}}}]\n', "Did you mean 'defaults'?"],
    ['leads out of the roots', 'include: ["../../etc/passwd"]\n', 'Rendering SLS'],
  ])('that %s is an error, and the rest counts', async (_what, include, error) => {
    const { value, errors } = await errorsOf({ 'base/main.sls': `${include}a: 1\n` })
    expect(errors).toEqual([expect.stringContaining(error)])
    expect(value).toEqual({ a: 1 })
  })
})

describe('an SLS of pillar', () => {
  it.each<[string, string, string]>([
    ['does not parse', 'a: [\n', 'render error:'],
    ['uses what is not there', 'a: {{ nothing.at.all }}\n', "Jinja variable 'nothing' is undefined"],
    ['is no map', '- a\n', "SLS 'bad' does not render to a dictionary"],
  ])('that %s is left out, and the others count', async (_what, text, error) => {
    const { value, errors } = await errorsOf({
      'base/top.sls': "base: {'*': [main, bad, last]}",
      'base/main.sls': 'a: 1\n',
      'base/bad.sls': text,
      'base/last.sls': 'b: 2\n',
    })
    expect(value).toEqual({ a: 1, b: 2 })
    expect(errors).toEqual([expect.stringContaining(error)])
  })

  it('that cannot be rendered is told to its minion without what stands in it', async () => {
    const { said } = await errorsOf({ 'base/main.sls': 'a: {{ for_somebody_else }}\n' })
    expect(said).toEqual(["Rendering SLS 'main' failed. Please see master log for details."])
  })

  it('that is not there is an error, unless it may be missing', async () => {
    expect((await errorsOf({})).errors).toEqual([
      "Specified SLS 'main' in environment 'base' is not available on the salt master",
    ])
    expect((await errorsOf({ 'base/top.sls': "base: {'*': [{ignore_missing: true}, main]}" })).errors).toEqual([])
  })

  it('that is a link out of the roots is not read', async () => {
    const pillar = await pillarOf({ 'base/top.sls': ALL })
    const outside = join(await testFolder(), 'x.sls')
    await writeFile(outside, 'a: 1\n')
    await symlink(outside, join(pillar.dir, 'base/main.sls'))
    const { value, errors } = await pillar.compile()
    expect(value).toEqual({})
    expect(errors).toEqual([expect.stringContaining("Rendering SLS 'main' failed")])
  })
})

describe('pillars that are compiled at once', () => {
  it('have nothing of each other, whoever fails among them', async () => {
    const pillar = await pillarOf({
      'base/top.sls': "base: {'*': [common, {{ grains.id }}], 'bad*': [broken]}",
      'base/common.sls':
        'include: [site: {defaults: {name: {{ grains.id }}}, key: {{ grains.id }}}]\nlist: [{{ grains.id }}]\n',
      'base/site.sls': 'me: {{ name }}\nother: {{ grains.id }}\n',
      'base/broken.sls': 'a: {{ missing }}\n',
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_none, at) => [`base/${at % 4 === 0 ? 'bad' : 'web'}${at}.sls`, `own: ${at}\n`]),
      ),
    })
    const ids = Array.from({ length: 40 }, (_none, at) => `${at % 4 === 0 ? 'bad' : 'web'}${at}`)
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(ids.map(id => pillar.compile({ id, override: { round } })))
      for (const [at, { value, errors }] of all.entries()) {
        const id = ids[at]!
        expect(value).toEqual({ [id]: { me: id, other: id }, list: [id], own: at, round })
        expect(errors).toHaveLength(id.startsWith('bad') ? 1 : 0)
      }
    }
  })
})
