import { execFile } from 'node:child_process'
import { chmod, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFilePath, readFolderPath } from '../../src/files/path.ts'
import { isSaltUrl, parseSaltUrl } from '../../src/files/salt-url.ts'
import { testFolder } from '../helpers/folder.ts'
import { filesIn, rootsOf } from './files.ts'

const refused = { code: 'bad_argument' }
type Roots = ReturnType<typeof rootsOf>
async function textOf(roots: Roots, path: string, env = 'base') {
  const found = await roots.open(path, env)
  if (!found) return undefined
  const text = await found.file.readFile('utf8')
  await found.file.close()
  return text
}

describe('a path of file_roots', () => {
  it.each([
    ['a//b/./c', 'a/b/c'],
    ['./a', 'a'],
    ['a/', 'a'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['%2e%2e/x', '%2e%2e/x'],
    ['．．/x', '．．/x'],
    ['a\\b', 'a\\b'],
  ])('%j is %j', (path, clean) => {
    expect(readFilePath(path)).toBe(clean)
  })

  it.each([
    '..',
    '../x',
    'a/../b',
    'a/..',
    'a\\..\\b',
    '..\\x',
    '/a',
    '//a',
    'a\0',
    '\udc00',
    '',
    './',
    'x'.repeat(3001),
    7,
    null,
  ])('may not be %j', path => {
    expect(() => readFilePath(path)).toThrow(expect.objectContaining(refused))
  })

  it('never leads above the root, whatever it is made of', () => {
    const piece = fc.constantFrom('..', '.', '/', '\\', 'a', '\0', '%2e', '．', '~', 'C:', ' ', '\n')
    fc.assert(
      fc.property(
        fc.array(piece).map(pieces => pieces.join('')),
        path => {
          let clean: string
          try {
            clean = readFolderPath(path)
          } catch {
            return
          }
          expect(join('/root', clean)).toMatch(/^\/root($|\/)/)
          expect(readFolderPath(clean)).toBe(clean)
        },
      ),
    )
  })
})

describe('salt://', () => {
  it.each([
    ['salt://a/b', { path: 'a/b', saltenv: 'base' }],
    ['salt://a/b?saltenv=dev', { path: 'a/b', saltenv: 'dev' }],
    ['salt://|a?b#c', { path: 'a?b#c', saltenv: 'base' }],
    ['salt://|a?b?saltenv=dev', { path: 'a?b', saltenv: 'dev' }],
    ['salt://a%20b', { path: 'a%20b', saltenv: 'base' }],
    ['salt://', { path: '', saltenv: 'base' }],
  ])('%s is read', (url, file) => {
    expect(parseSaltUrl(url, 'base')).toEqual(file)
    expect(isSaltUrl(url)).toBe(true)
  })

  it.each([
    'a/b',
    'http://a',
    'SALT://a',
    'salt:///etc/passwd',
    'salt://|/etc/passwd',
    'salt://a/../b',
    'salt://|../b',
    'salt://a?saltenv=',
    'salt://a?saltenv=../x',
    'salt://a?env=dev',
  ])('%s is refused', url => {
    expect(() => parseSaltUrl(url, 'base')).toThrow(expect.objectContaining(refused))
  })
})

describe('files of the roots', () => {
  it('are those of the first folder that has them', async () => {
    const [one, two] = [
      await filesIn({ both: '1', 'd/one': '1', x: '1' }),
      await filesIn({ both: '2', 'd/two': '2', 'x/y': '2' }),
    ]
    const roots = rootsOf({ base: [one, join(one, 'missing'), two] })
    expect(await textOf(roots, 'both')).toBe('1')
    expect(await textOf(roots, 'd/two')).toBe('2')
    expect(await textOf(roots, 'x')).toBe('1')
    expect(await textOf(roots, 'x/y')).toBe('2')
    expect((await roots.list('base')).files).toEqual(['both', 'd/one', 'd/two', 'x', 'x/y'])
    expect(await roots.list('base', 'd/')).toEqual({ files: ['d/one', 'd/two'], dirs: [] })
    expect(await roots.list('base', 'both')).toEqual({ files: [], dirs: [] })
    await rm(join(one, 'both'))
    expect(await textOf(roots, 'both')).toBe('2')
  })

  it('may be links within the folders of their environment, and nowhere else', async () => {
    const [one, two, outside] = [
      await filesIn({ f: 'one' }),
      await filesIn({ 'd/g': 'two' }),
      await filesIn({ 'd/h': 'secret' }),
    ]
    const roots = rootsOf({ base: [one, two], dev: [outside] })
    await symlink(join(one, 'f'), join(one, 'link'))
    await symlink(join(two, 'd'), join(one, 'folder'))
    await symlink(join(outside, 'd/h'), join(one, 'out'))
    await symlink(join(outside, 'd'), join(one, 'outdir'))
    await symlink('../../../../../../etc/passwd', join(one, 'passwd'))
    await symlink(join(one, 'nowhere'), join(one, 'broken'))
    await symlink(join(one, 'loop'), join(one, 'loop'))
    await symlink('.', join(one, 'self'))
    expect(await textOf(roots, 'link')).toBe('one')
    expect(await textOf(roots, 'folder/g')).toBe('two')
    expect(await textOf(roots, 'self/self/f')).toBe('one')
    for (const path of ['out', 'outdir/h', 'passwd'])
      await expect(roots.open(path, 'base')).rejects.toMatchObject(refused)
    expect(await roots.open('broken', 'base')).toBeUndefined()
    await expect(roots.open('loop', 'base')).rejects.toMatchObject(refused)
    expect(await roots.list('base')).toEqual({ files: ['d/g', 'f', 'folder/g', 'link'], dirs: ['d', 'folder', 'self'] })
    expect(await roots.list('base', 'outdir')).toEqual({ files: [], dirs: [] })
  })

  it('are regular files', async () => {
    const root = await filesIn({ f: 'x' })
    await promisify(execFile)('mkfifo', [join(root, 'pipe')])
    await mkdir(join(root, 'dir'))
    const roots = rootsOf({ base: [root] })
    for (const path of ['pipe', 'dir', 'f/x', 'nope', 'n'.repeat(300)])
      expect(await roots.open(path, 'base')).toBeUndefined()
    expect(await roots.list('base')).toEqual({ files: ['f'], dirs: ['dir'] })
  })

  it.skipIf(process.getuid?.() === 0)('that cannot be read are an error', async () => {
    const root = await filesIn({ f: 'x', 'd/g': 'y' })
    await chmod(join(root, 'f'), 0)
    await chmod(join(root, 'd'), 0)
    const roots = rootsOf({ base: [root] })
    await expect(roots.open('f', 'base')).rejects.toMatchObject(refused)
    await expect(roots.open('d/g', 'base')).rejects.toMatchObject(refused)
    await expect(roots.list('base')).rejects.toMatchObject({ code: 'unreadable' })
    await chmod(join(root, 'd'), 0o700)
  })

  it('are left out of lists where a glob says so', async () => {
    const root = await filesIn({ 'a.pyc': '', 'x/b.pyc': '', 'x/.git/config': '', 'x/f': '' })
    const roots = rootsOf({ base: [root] }, ['*.pyc', '*/.git/*'])
    expect((await roots.list('base')).files).toEqual(['x/f'])
  })

  it('may have any name that is text', async () => {
    const names = ['a b', 'ü', '\u0301', '|x', 'a?b', "q'q", 'tab\t', 'a\\b', '😀']
    const root = await filesIn(Object.fromEntries(names.map(name => [name, name])))
    const roots = rootsOf({ base: [root] })
    expect((await roots.list('base')).files).toEqual([...names].sort())
    for (const name of names) expect(await textOf(roots, name)).toBe(name)
  })

  it('of no folder at all are none', async () => {
    const roots = rootsOf({ base: [join(await testFolder(), 'missing')], none: [] })
    expect(await roots.list('base')).toEqual({ files: [], dirs: [] })
    expect(await roots.open('f', 'none')).toBeUndefined()
  })
})
