import { chmod, lstat, mkdir, stat, symlink } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fileStates } from './file-context.ts'

const isRoot = process.geteuid!() === 0
const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8)

describe('file.directory', () => {
  it('makes a folder, and finds it in the correct state after that', async () => {
    const { call, test, path, all } = await fileStates()
    const args = { name: `${path('a')}/`, dir_mode: 755 }
    expect(await test('file.directory', args)).toEqual({
      result: null,
      changes: { [path('a')]: { directory: 'new' } },
      comment: `The following files will be changed:\n${path('a')}: directory - new\n`,
    })
    expect(await all()).toEqual([])
    expect(await call('file.directory', args)).toEqual({
      result: true,
      changes: { [path('a')]: { directory: 'new' } },
      comment: `Directory ${path('a')} updated`,
    })
    for (const how of [call, test])
      expect(await how('file.directory', args)).toEqual({
        result: true,
        changes: {},
        comment: `The directory ${path('a')} is in the correct state`,
      })
    expect(await call('file.directory', { name: path('a'), mode: '0700' })).toMatchObject({ changes: { mode: '0700' } })
    expect(await modeOf(path('a'))).toBe('700')
  })

  it('makes those above it only where that is asked', async () => {
    const { call, path, all } = await fileStates()
    const args = { name: path('a b/ü/c'), mode: '0750' }
    expect(await call('file.directory', args)).toMatchObject({
      result: false,
      comment: `No directory to create ${args.name} in`,
    })
    expect(await all()).toEqual([])
    expect(await call('file.directory', { ...args, makedirs: true })).toMatchObject({ result: true })
    expect(await modeOf(path('a b'))).toBe('750')
  })

  it.each([
    [{ recurse: ['user'] }, /^user not specified, but configured/],
    [{ recurse: ['group'] }, /^group not specified, but configured/],
    [{ recurse: ['ignore_files', 'ignore_dirs'] }, /^Must not specify "recurse" options/],
    [{ clean: true, max_depth: 1 }, /^Cannot specify both max_depth and clean/],
    [{ user: 'nobody-of-that-name' }, /^User nobody-of-that-name is not available$/],
    [{ name: 'relative' }, /is not an absolute path$/],
  ])('fails on %j', async (args, comment) => {
    const { call, path, all } = await fileStates()
    const result = await call('file.directory', { name: path('d'), ...args })
    expect(result).toEqual({ result: false, changes: {}, comment: expect.stringMatching(comment) })
    expect(await all()).toEqual([])
  })

  it('takes a file away from its place only on request', async () => {
    const { call, test, file, path, read } = await fileStates()
    await file('x', 'mine\n')
    await mkdir(path('real'))
    await symlink('real', path('link'))
    const args = { name: path('x') }
    expect(await call('file.directory', args)).toMatchObject({
      result: false,
      comment: `Specified location ${path('x')} exists and is a file`,
    })
    expect(await test('file.directory', { ...args, force: true })).toMatchObject({
      result: null,
      changes: { forced: 'File would be forcibly replaced', [path('x')]: { directory: 'new' } },
    })
    expect(await read('x')).toBe('mine\n')
    expect(await call('file.directory', { ...args, backupname: path('x.old') })).toMatchObject({ result: true })
    expect(await read('x.old')).toBe('mine\n')
    expect(await call('file.directory', { name: path('link') })).toMatchObject({ result: true, changes: {} })
    const strict = { name: path('link'), allow_symlink: false }
    expect(await call('file.directory', strict)).toMatchObject({
      result: false,
      comment: expect.stringContaining('is a symlink'),
    })
    expect(await call('file.directory', { ...strict, force: true })).toMatchObject({ result: true })
    expect((await lstat(path('link'))).isDirectory()).toBe(true)
  })

  it('sets permissions of all that is in it, as deep as it is told, of links nothing', async () => {
    const { call, test, file, path } = await fileStates()
    await file('d/x', '')
    await file('d/sub/y', '')
    await file('out', '')
    await symlink('../out', path('d/link'))
    await chmod(path('out'), 0o644)
    const args = { name: path('d'), dir_mode: '0700', file_mode: '0600', recurse: ['mode'] }
    expect(await test('file.directory', args)).toMatchObject({
      result: null,
      changes: { [path('d/sub/y')]: { mode: '0600' } },
      comment: expect.stringContaining(`${path('d/x')}: mode - 0600\n`),
    })
    await call('file.directory', { ...args, max_depth: 0 })
    expect(await modeOf(path('d/x'))).toBe('600')
    expect(await modeOf(path('d/sub'))).not.toBe('700')
    expect(await call('file.directory', { ...args, recurse: ['mode', 'ignore_files'] })).toMatchObject({
      changes: { [path('d/sub')]: { mode: '0700' } },
    })
    expect(await modeOf(path('d/sub/y'))).not.toBe('600')
    expect(await call('file.directory', args)).toMatchObject({ changes: { [path('d/sub/y')]: { mode: '0600' } } })
    expect(await call('file.directory', args)).toMatchObject({ changes: {} })
    expect(await modeOf(path('out'))).toBe('644')
  })

  it.runIf(isRoot)('sets the owner of all that is in it, of links their own', async () => {
    const { call, file, path } = await fileStates()
    await file('d/sub/y', '')
    await file('out', '')
    await symlink('../out', path('d/link'))
    const args = { name: path('d'), user: 'daemon', group: 'daemon', recurse: ['user', 'group'] }
    expect(await call('file.directory', args)).toMatchObject({ result: true })
    for (const name of ['d', 'd/sub', 'd/sub/y', 'd/link'])
      expect(await lstat(path(name))).toMatchObject({ uid: 1, gid: 1 })
    expect((await stat(path('out'))).uid).toBe(0)
    expect(await call('file.directory', args)).toMatchObject({ changes: {} })
  })
})

describe('clean', () => {
  it('removes what no required state has put there', async () => {
    const { requiring, salt, file, path, read, all } = await fileStates()
    await salt('tree/one', '1')
    for (const name of [
      'd/kept',
      'd/sub/kept',
      'd/sub/foreign',
      'd/foreign/x',
      'd/all/of/it',
      'd/tree/one',
      'd/tree/two',
    ])
      await file(name, '')
    await file('d/logs/a.log', '')
    await file('../elsewhere/x', 'stays')
    await symlink('../../elsewhere', path('d/link'))
    const required = [
      { fun: 'file.managed', name: path('d/kept'), args: {} },
      { fun: 'file.managed', name: path('d/sub/kept'), args: {} },
      { fun: 'file.directory', name: path('d/all'), args: {} },
      { fun: 'file.recurse', name: path('d/tree'), args: { source: 'salt://tree' } },
      { fun: 'cmd.run', name: path('d/foreign'), args: {} },
    ]
    const { call, test } = requiring(required)
    const args = { name: path('d'), clean: true, exclude_pat: 'logs/*.log' }
    const removed = ['d/foreign', 'd/link', 'd/sub/foreign', 'd/tree/two'].map(path)
    const before = await all()
    expect(await test('file.directory', args)).toMatchObject({
      result: null,
      changes: Object.fromEntries(removed.map(one => [one, { removed: 'Removed due to clean' }])),
    })
    expect(await all()).toEqual(before)
    expect(await call('file.directory', args)).toEqual({
      result: true,
      changes: { removed },
      comment: `Files cleaned from directory ${path('d')}`,
    })
    expect(await call('file.directory', args)).toMatchObject({ result: true, changes: {} })
    expect(await read('../elsewhere/x')).toBe('stays')
    expect((await all()).filter(name => !name.includes('/'))).toEqual(['d'])
    expect(await all()).toContain('d/logs/a.log')
  })

  it('removes nothing where it is not known what the state requires', async () => {
    const { requiring, file, path, all } = await fileStates()
    await file('d/x', '')
    expect(await requiring(undefined).call('file.directory', { name: path('d'), clean: true })).toMatchObject({
      result: false,
      comment: expect.stringContaining("'clean' is not possible here"),
    })
    expect(await all()).toEqual(['d', 'd/x'])
  })
})

describe('file.recurse', () => {
  it('copies a folder of salt://, and finds it in the correct state after that', async () => {
    const { call, test, salt, path, read, all } = await fileStates()
    await salt('www/index.html', 'hello\n')
    await salt('www/css/ü b.css', 'p {}\n')
    await chmod(await salt('www/cgi/run', '#!/bin/sh\n'), 0o755)
    const args = { name: path('www'), source: 'salt://www/', file_mode: 'keep', dir_mode: 750 }
    const told = await test('file.recurse', args)
    expect(told).toMatchObject({
      result: null,
      changes: { [path('www/index.html')]: { newfile: path('www/index.html') } },
    })
    expect(told.comment).toContain(
      `#### ${path('www/css/ü b.css')} ####\nThe file ${path('www/css/ü b.css')} is set to be changed`,
    )
    expect(await all()).toEqual([])
    const done = await call('file.recurse', args)
    expect(done).toMatchObject({
      result: true,
      changes: { [path('www')]: { directory: 'new' }, [path('www/index.html')]: { diff: 'New file' } },
      comment: `Recursively updated ${path('www')}`,
    })
    expect(await read('www/css/ü b.css')).toBe('p {}\n')
    expect(await modeOf(path('www/cgi/run'))).toBe('755')
    expect(await modeOf(path('www/cgi'))).toBe('750')
    for (const how of [call, test])
      expect(await how('file.recurse', args)).toEqual({
        result: true,
        changes: {},
        comment: `The directory ${path('www')} is in the correct state`,
      })
  })

  it('takes of it what the patterns, the depth and include_empty say', async () => {
    const { call, salt, path, all } = await fileStates()
    for (const name of ['a.conf', 'b.orig', 'sub/c.conf', 'sub/deep/d.conf']) await salt(`t/${name}`, name)
    await mkdir((await salt('t/empty/x', '')).replace('/x', '/y'))
    const source = 'salt://t'
    await call('file.recurse', { name: path('1'), source, include_pat: '*.conf', maxdepth: 1 })
    await call('file.recurse', { name: path('2'), source, include_pat: 'E@conf$', exclude_pat: 'sub/*' })
    await call('file.recurse', { name: path('3'), source, include_pat: 'E@^empty', include_empty: true })
    expect((await all()).filter(name => !/^\d$/.test(name))).toEqual([
      ...['1/a.conf', '1/sub', '1/sub/c.conf'],
      '2/a.conf',
      ...['3/empty', '3/empty/x', '3/empty/y'],
    ])
  })

  it('cleans what is not in it, and puts files and folders in the place of each other then', async () => {
    const states = await fileStates()
    const { salt, file, path, all, read } = states
    await salt('t/a', 'a')
    await salt('t/sub/b', 'b')
    await file('d/a/was a folder', '')
    await file('d/sub', 'was a file')
    await file('d/foreign', '')
    const { call, test } = states.requiring([])
    const args = { name: path('d'), source: 'salt://t', clean: true }
    const before = await all()
    expect(await test('file.recurse', args)).toMatchObject({ result: null })
    expect(await all()).toEqual(before)
    expect(await states.call('file.recurse', { ...args, clean: false })).toMatchObject({ result: false })
    const done = await call('file.recurse', args)
    expect(done).toMatchObject({ result: true, changes: { removed: [path('d/foreign')] } })
    expect(await all()).toEqual(['d', 'd/a', 'd/sub', 'd/sub/b'])
    expect(await read('d/a')).toBe('a')
    expect(await call('file.recurse', args)).toMatchObject({ result: true, changes: {} })
  })

  it.each([
    [{ source: 'salt://none' }, "The directory 'salt://none' does not exist on the salt fileserver in saltenv 'base'"],
    [{ source: 'salt://t/file' }, /does not exist on the salt fileserver/],
    [{ source: 'http://x/y' }, "Invalid source 'http://x/y' (must be a salt:// URI)"],
    [{ source: 'salt://t', name: 'relative' }, 'Specified file relative is not an absolute path'],
    [{ source: 'salt://t', exclude_pat: 'E@(' }, /^The pattern "\(" cannot be used/],
  ])('fails on %j', async (args, comment) => {
    const { call, salt, path, all } = await fileStates()
    await salt('t/file', '')
    const words = typeof comment === 'string' ? comment : expect.stringMatching(comment)
    expect(await call('file.recurse', { name: path('d'), ...args })).toMatchObject({ result: false, comment: words })
    expect(await all()).toEqual([])
  })

  it('tells of each file that failed, and copies the others', async () => {
    const { call, salt, path, read } = await fileStates()
    await salt('t/a', 'a')
    await salt('t/b', 'b')
    await mkdir(path('d/a'), { recursive: true })
    expect(await call('file.recurse', { name: path('d'), source: 'salt://t' })).toMatchObject({
      result: false,
      comment: `#### ${path('d/a')} ####\nSpecified target ${path('d/a')} is a directory`,
    })
    expect(await read('d/b')).toBe('b')
  })
})
