import { createHash } from 'node:crypto'
import {
  chmod,
  lchown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  truncate,
} from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { fileStates, SECRET } from './file-context.ts'

const isRoot = process.geteuid!() === 0
const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8)
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const TEST_NOTE = '\nNote: No changes made, actual changes may\nbe different due to other states.'

async function web(answers: Record<string, string | Buffer>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const answer = answers[request.url!]
    response.writeHead(answer === undefined ? 404 : 200).end(request.method === 'HEAD' ? '' : answer)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('file.managed', () => {
  it('makes a file of salt://, and finds it in the correct state after that', async () => {
    const { call, test, salt, path, read, all, asked } = await fileStates()
    await salt('web/motd', 'hello\n')
    const args = { name: path('motd'), source: 'salt://web/motd', mode: '0644' }
    expect(await test('file.managed', args)).toEqual({
      result: null,
      changes: { newfile: path('motd') },
      comment: `The file ${path('motd')} is set to be changed${TEST_NOTE}`,
    })
    expect(await all()).toEqual([])
    expect(await call('file.managed', args)).toEqual({
      result: true,
      changes: { diff: 'New file', mode: '0644' },
      comment: `File ${path('motd')} updated`,
    })
    expect(await read('motd')).toBe('hello\n')
    asked.length = 0
    expect(await call('file.managed', args)).toEqual({
      result: true,
      changes: {},
      comment: `File ${path('motd')} is in the correct state`,
    })
    // What costs nothing must stay so: the hash is asked for, the file is not.
    expect(asked).toEqual(['hash'])
    expect(await test('file.managed', args)).toMatchObject({ result: true, changes: {} })
    expect(await all()).toEqual(['motd'])
  })

  it('shows what it changes as a unified diff, and keeps owner and permissions that it says nothing of', async () => {
    const { call, test, salt, file, path, read, all } = await fileStates()
    await salt('motd', 'one\ntwo\nthree\n')
    await file('motd', 'one\n2\nthree\n')
    await chmod(path('motd'), 0o4750)
    const args = { name: path('motd'), source: 'salt://motd' }
    const diff = '--- \n+++ \n@@ -1,3 +1,3 @@\n one\n-2\n+two\n three\n'
    expect(await test('file.managed', args)).toMatchObject({ result: null, changes: { diff } })
    expect(await read('motd')).toBe('one\n2\nthree\n')
    expect(await call('file.managed', args)).toMatchObject({ result: true, changes: { diff } })
    expect(await read('motd')).toBe('one\ntwo\nthree\n')
    expect(await modeOf(path('motd'))).toBe('4750')
    expect(await all()).toEqual(['motd'])
  })

  it.each([
    [Buffer.from([0, 1, 2]), Buffer.from([0, 1, 3]), 'Replace binary file'],
    [Buffer.from('text'), Buffer.from([0, 1, 3]), 'Replace text file with binary file'],
    [Buffer.from([0xff, 0xfe]), Buffer.from('text'), 'Replace binary file with text file'],
    [Buffer.from('a\n'.repeat(600_000)), Buffer.from('b\n'), 'Replace file of 1200000 bytes with one of 2 bytes'],
  ])('says of what it shows no diff of what it is (%#)', async (before, after, diff) => {
    const { call, salt, file, path } = await fileStates()
    await salt('x', after)
    await file('x', before)
    expect(await call('file.managed', { name: path('x'), source: 'salt://x' })).toMatchObject({ changes: { diff } })
    expect(await readFile(path('x'))).toEqual(after)
  })

  it('has any content exactly, and a second run changes nothing', async () => {
    const { call, salt, path } = await fileStates()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
        await salt('x', Buffer.from(bytes))
        const args = { name: path('x'), source: 'salt://x' }
        expect((await call('file.managed', args)).result).toBe(true)
        expect((await readFile(path('x'))).equals(bytes)).toBe(true)
        expect(await call('file.managed', args)).toMatchObject({ result: true, changes: {} })
      }),
      { numRuns: 40 },
    )
  })

  it('has the lines of contents, each ended, and a second run changes nothing', async () => {
    const { call, path, read } = await fileStates()
    const line = fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\r\n]/g, ''))
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 8 }), async lines => {
        const args = { name: path('x'), contents: lines.join('\n') }
        expect((await call('file.managed', args)).result).toBe(true)
        const text = lines.join('\n')
        expect(await read('x')).toBe(text === '' || text.endsWith('\n') ? text : `${text}\n`)
        expect(await call('file.managed', args)).toMatchObject({ result: true, changes: {} })
      }),
      { numRuns: 40 },
    )
  })

  it.each([
    [{ contents: 'a' }, 'a\n'],
    [{ contents: ['a', 2, true] }, 'a\n2\nTrue\n'],
    [{ contents: 'a\r\nb\n' }, 'a\nb\n'],
    [{ contents: 'a\n\n', contents_newline: false }, 'a'],
    [{ contents: '' }, ''],
    [{ contents_pillar: 'web:cert' }, 'line 1\nline 2\n'],
    [{ contents_pillar: ['web/cert', 'web/cert'], contents_delimiter: '/' }, 'line 1\nline 2\nline 1\nline 2\n'],
    [{ contents_grains: 'motd' }, 'from\ngrains\n'],
    [{ contents: 'hi {{ who }}', template: 'jinja', context: { who: 'you' }, defaults: { who: 'me' } }, 'hi you\n'],
    [{ source: 'salt://t', template: 'jinja', defaults: { who: 'me' } }, 'hi me\n'],
    [{ source: ['salt://none', 'salt://plain'] }, 'plain\n'],
    [{ source: 'salt://plain?saltenv=dev' }, 'of dev\n'],
    [{}, ''],
  ])('takes its content from %j', async (args, content) => {
    const { call, salt, dev, path, read } = await fileStates()
    await salt('t', 'hi {{ who }}\n')
    await salt('plain', 'plain\n')
    await dev('plain', 'of dev\n')
    const named = { name: path('x'), ...args }
    expect(await call('file.managed', named)).toMatchObject({ result: true })
    expect(await read('x')).toBe(content)
    expect(await call('file.managed', named)).toMatchObject({ result: true, changes: {} })
  })

  it.each([
    [{ source: 'salt://none' }, "Source file salt://none not found in saltenv 'base'"],
    [{ source: '/none/x' }, 'Local source file /none/x does not exist'],
    [{ source: ['salt://none', '/none/x'] }, 'Unable to manage file: none of the specified sources were found'],
    [{ source: 'salt://../x' }, /^Unable to manage file: .*\.\./],
    [{ source: 'swift://x' }, /is none that is supported/],
    [{ source: 'https://example.com/x' }, /^Unable to verify upstream hash of source file .* set skip_verify to True$/],
    [{ source: 'salt://plain', source_hash: 'sha256=00' }, /^Source hash sha256=00 format is invalid/],
    [
      { source: 'salt://plain', source_hash: sha256('other') },
      /^Specified sha256 checksum for salt:\/\/plain .* does not match/,
    ],
    [{ source: 'salt://plain', source_hash: 'md5=d41d8cd98f00b204e9800998ecf8427e' }, /^Specified md5 checksum/],
    [{ source: 'salt://plain', contents: 'a' }, /^'source' cannot be used in combination with 'contents'/],
    [{ contents: 'a', contents_grains: 'os' }, /^Only one of 'contents'/],
    [{ contents: 'a', mode: 'keep' }, /^Mode preservation cannot/],
    [{ contents: '', allow_empty: false }, /^'contents' value would result in empty contents/],
    [{ contents: { a: 1 } }, /SLS is likely malformed/],
    [{ contents_pillar: 'none' }, 'Pillar none does not exist'],
    [{ contents_grains: 'none' }, 'Grain none does not exist'],
    [{ contents: 'a', user: 'nobody-of-that-name' }, 'User nobody-of-that-name is not available'],
    [{ contents: 'a', group: 'no-such-group' }, 'Group no-such-group is not available'],
  ])('fails on %j and leaves all as it was', async (args, comment) => {
    const { call, salt, file, path, read, all } = await fileStates()
    await salt('plain', 'plain\n')
    await file('x', 'before\n')
    const words = typeof comment === 'string' ? comment : expect.stringMatching(comment)
    expect(await call('file.managed', { name: path('x'), ...args })).toEqual({
      result: false,
      changes: {},
      comment: words,
    })
    expect(await call('file.managed', { name: path('new'), ...args })).toMatchObject({ result: false, changes: {} })
    expect(await read('x')).toBe('before\n')
    expect(await all()).toEqual(['x'])
  })

  it.each([
    [{ name: 'motd', contents: 'a' }, 'Specified file motd is not an absolute path'],
    [{ name: '/', contents: 'a' }, 'Specified target / is a directory'],
    [{ name: '/dev/null', contents: 'a' }, /is a device, pipe or socket/],
    [{ name: '/proc/none/x', contents: 'a', makedirs: true }, /^Unable to manage file: ENOENT/],
  ])('fails on %j', async (args, comment) => {
    const { call } = await fileStates()
    const words = typeof comment === 'string' ? comment : expect.stringMatching(comment)
    expect(await call('file.managed', args)).toEqual({ result: false, changes: {}, comment: words })
  })

  it('refuses arguments that it does not have, and modes that are none', async () => {
    const { call, path } = await fileStates()
    await expect(call('file.managed', { name: path('x'), attrs: 'i' })).rejects.toThrow("has no argument 'attrs'")
    await expect(call('file.managed', { name: path('x'), mode: '0999' })).rejects.toThrow("'0999' is not an octal mode")
    await expect(call('file.managed', { name: path('x'), backup: 'master' })).rejects.toThrow('no other kind of backup')
  })

  it('a template that cannot be rendered is a failure of the state', async () => {
    const { call, salt, path, all } = await fileStates({
      render: async () => {
        throw new ReactorError('template', "Jinja variable 'who' is undefined; line 1")
      },
    })
    await salt('t', 'hi {{ who }}\n')
    expect(await call('file.managed', { name: path('x'), source: 'salt://t', template: 'jinja' })).toEqual({
      result: false,
      changes: {},
      comment: "Unable to manage file: Jinja variable 'who' is undefined; line 1",
    })
    expect(await all()).toEqual([])
  })

  it('makes folders only where that is asked, searchable by who may read the file', async () => {
    const { call, path, all } = await fileStates()
    const args = { name: path('a/b/ü ö/file name'), contents: 'x', mode: 640 }
    expect(await call('file.managed', args)).toMatchObject({ result: false, comment: 'Parent directory not present' })
    expect(await all()).toEqual([])
    expect(await call('file.managed', { ...args, makedirs: true })).toMatchObject({ result: true })
    expect(await modeOf(path('a/b/ü ö'))).toBe('750')
    expect(await modeOf(path('a/b/ü ö/file name'))).toBe('640')
    await call('file.managed', { name: path('c/d/x'), contents: 'x', mode: '600', dir_mode: '711', makedirs: true })
    expect(await modeOf(path('c'))).toBe('711')
    // A source that fails makes no folders either.
    await call('file.managed', { name: path('e/x'), source: 'salt://none', makedirs: true })
    expect(await all()).not.toContain('e')
  })

  it('sets permissions alone where the content is right, keeps those of the source on request', async () => {
    const { call, test, salt, path, file } = await fileStates()
    await chmod(await salt('tool', '#!/bin/sh\n'), 0o751)
    await file('tool', '#!/bin/sh\n')
    await chmod(path('tool'), 0o600)
    const args = { name: path('tool'), source: 'salt://tool' }
    expect(await test('file.managed', { ...args, mode: 755 })).toMatchObject({
      result: null,
      changes: { mode: '0755' },
    })
    expect(await call('file.managed', { ...args, mode: 755 })).toMatchObject({
      result: true,
      changes: { mode: '0755' },
    })
    expect(await call('file.managed', { ...args, mode: 'keep' })).toMatchObject({ changes: { mode: '0751' } })
    expect(await modeOf(path('tool'))).toBe('751')
    expect(await call('file.managed', { ...args, mode: 'keep' })).toMatchObject({ changes: {} })
  })

  it.runIf(isRoot)('sets the owner by name or id, and setuid stays over it', async () => {
    const { call, test, path, file } = await fileStates()
    await file('x', 'x\n')
    const args = { name: path('x'), contents: 'x', user: 'daemon', group: 1, mode: '4755' }
    expect(await test('file.managed', args)).toMatchObject({ changes: { user: 'daemon', group: 1, mode: '4755' } })
    expect(await call('file.managed', args)).toMatchObject({ changes: { user: 'daemon', group: 1, mode: '4755' } })
    expect(await stat(path('x'))).toMatchObject({ uid: 1, gid: 1 })
    expect(await modeOf(path('x'))).toBe('4755')
    expect(await call('file.managed', args)).toMatchObject({ changes: {} })
    // A change of the owner alone must not take setuid away.
    expect(await call('file.managed', { name: path('x'), contents: 'x', user: 'root' })).toMatchObject({
      changes: { user: 'root' },
    })
    expect(await modeOf(path('x'))).toBe('4755')
  })

  it.runIf(!isRoot)('says that it may not set the owner, and changes nothing', async () => {
    const { call, path, all } = await fileStates()
    expect(await call('file.managed', { name: path('x'), contents: 'x', user: 'root' })).toMatchObject({
      result: false,
      comment: expect.stringMatching(/^Failed to change user to root: .*does not run as root/),
    })
    expect(await all()).toEqual([])
  })

  it('takes a user that another state may be about to make for a warning in a test', async () => {
    const { test, path } = await fileStates()
    expect(await test('file.managed', { name: path('x'), contents: 'x', user: 'not-yet' })).toMatchObject({
      result: null,
      warnings: ['User not-yet is not available'],
    })
  })

  it('replace: False and create: False leave what is there, and what is not', async () => {
    const { call, test, file, path, read, all } = await fileStates()
    await file('x', 'mine\n')
    await chmod(path('x'), 0o644)
    const args = { name: path('x'), contents: 'theirs', replace: false }
    expect(await call('file.managed', args)).toMatchObject({
      changes: {},
      comment: `File ${path('x')} exists with proper permissions. No changes made.`,
    })
    expect(await test('file.managed', { ...args, mode: 600 })).toMatchObject({
      result: null,
      comment: `File ${path('x')} will be updated with permissions 0600 from its current state of 0644`,
    })
    expect(await call('file.managed', { ...args, mode: 600 })).toMatchObject({ changes: { mode: '0600' } })
    expect(await call('file.managed', { name: path('x') })).toMatchObject({ result: true, changes: {} })
    expect(await read('x')).toBe('mine\n')
    expect(await call('file.managed', { name: path('y'), contents: 'x', create: false })).toEqual({
      result: true,
      changes: {},
      comment: `File ${path('y')} is not present and is not set for creation`,
    })
    expect(await call('file.managed', { name: path('z') })).toMatchObject({
      changes: { new: `file ${path('z')} created` },
      comment: 'Empty file',
    })
    expect(await all()).toEqual(['x', 'z'])
  })

  it('follows links, or replaces them on request', async () => {
    const { call, test, file, path, read } = await fileStates()
    await file('real', 'a\n')
    await symlink('real', path('link'))
    await symlink('away', path('dangling'))
    await symlink('loop', path('loop'))
    await call('file.managed', { name: path('link'), contents: 'b' })
    expect(await readlink(path('link'))).toBe('real')
    expect(await read('real')).toBe('b\n')
    await call('file.managed', { name: path('dangling'), contents: 'c' })
    expect(await read('away')).toBe('c\n')
    expect(await call('file.managed', { name: path('loop'), contents: 'c' })).toMatchObject({ result: false })
    const args = { name: path('link'), contents: 'd', follow_symlinks: false }
    const diff = 'Replace symbolic link with regular file'
    expect(await test('file.managed', args)).toMatchObject({ result: null, changes: { diff } })
    expect(await call('file.managed', args)).toMatchObject({ changes: { diff } })
    expect((await lstat(path('link'))).isFile()).toBe(true)
    expect(await read('real')).toBe('b\n')
  })

  it('keeps a copy of the old file with backup: minion', async () => {
    const { call, file, path, minionDir } = await fileStates()
    await file('x', 'old\n')
    await chmod(path('x'), 0o640)
    await call('file.managed', { name: path('x'), contents: 'new', backup: 'minion' })
    const kept = `${minionDir}/file_backup${path('')}`
    const [copy, ...others] = await readdir(kept)
    expect(others).toEqual([])
    expect(copy).toMatch(/^x_[A-Z][a-z]{2}_[A-Z][a-z]{2}_\d\d_\d\d:\d\d:\d\d_\d{6}_\d{4}$/)
    expect(await readFile(`${kept}/${copy}`, 'utf8')).toBe('old\n')
    expect(await modeOf(`${kept}/${copy}`)).toBe('640')
  })

  it('puts a file in place only if its check_cmd ends with 0', async () => {
    const { call, file, path, read, all } = await fileStates()
    await file('sudoers', 'good\n')
    const args = { name: path('sudoers'), check_cmd: 'grep -q good', tmp_ext: '.conf' }
    expect(await call('file.managed', { ...args, contents: 'bad' })).toMatchObject({
      result: false,
      changes: {},
      comment: expect.stringMatching(/^check_cmd execution failed/),
    })
    expect(await read('sudoers')).toBe('good\n')
    expect(await call('file.managed', { ...args, contents: 'very good' })).toMatchObject({ result: true })
    expect(await call('file.managed', { ...args, contents: 'a', check_cmd: 'grep x | cat' })).toMatchObject({
      result: false,
      comment: expect.stringContaining('needs a shell'),
    })
    expect(await all()).toEqual(['sudoers'])
  })

  it('downloads what it verifies, and not again while the file has it', async () => {
    const { call, path, read, all } = await fileStates()
    const { asked, url } = await web({
      '/a.tar': 'packed',
      '/SUMS': `${sha256('packed')}  *a.tar\n${sha256('b')}  b.tar\n`,
    })
    const args = { name: path('a.tar'), source: `${url}/a.tar`, source_hash: `${url}/SUMS` }
    expect(await call('file.managed', args)).toMatchObject({ result: true, changes: { diff: 'New file' } })
    expect(await read('a.tar')).toBe('packed')
    asked.length = 0
    expect(await call('file.managed', args)).toMatchObject({ result: true, changes: {} })
    expect(asked).toEqual(['GET /SUMS'])
    const wrong = { ...args, source_hash: `sha256=${sha256('other')}` }
    expect(await call('file.managed', wrong)).toMatchObject({
      result: false,
      comment: expect.stringContaining('does not match'),
    })
    expect(await read('a.tar')).toBe('packed')
    const loose = { name: path('b'), source: [`${url}/none`, `${url}/a.tar`], skip_verify: true }
    expect(await call('file.managed', loose)).toMatchObject({ result: true })
    expect(await call('file.managed', loose)).toMatchObject({ result: true, changes: {} })
    expect(await call('file.managed', { ...args, name: path('d'), source: `${url}/none` })).toMatchObject({
      result: false,
      comment: `Source file ${url}/none not found`,
    })
    expect(await call('file.managed', { ...loose, name: path('c'), source: 'http://127.0.0.1:1/x' })).toMatchObject({
      result: false,
      comment: expect.stringMatching(/^Failed to download http:\/\/127.0.0.1:1\/x: /),
    })
    expect(await all()).toEqual(['a.tar', 'b'])
  })

  it('shows nothing of a file that has secrets of the pillar in it, nor where show_changes is off', async () => {
    const { call, file, path } = await fileStates()
    await file('x', 'password: old-secret\n')
    const changed = await call('file.managed', { name: path('x'), contents: `password: ${SECRET}` })
    expect(changed).toMatchObject({ changes: { diff: '<secrets of the pillar: no diff is shown>' } })
    const away = await call('file.managed', { name: path('x'), contents: 'password: none' })
    expect(JSON.stringify(away)).not.toContain(SECRET)
    const hidden = await call('file.managed', { name: path('x'), contents: 'else', show_changes: false })
    expect(hidden).toMatchObject({ changes: { diff: '<show_changes=False>' } })
  })

  it('leaves other names of the old file alone, and takes large files', async () => {
    const { call, file, path, salt, read } = await fileStates()
    await link(await file('x', 'old\n'), path('other'))
    const source = await salt('big', '')
    await truncate(source, 64 * 1024 * 1024)
    expect(await call('file.managed', { name: path('x'), source: 'salt://big' })).toMatchObject({
      changes: { diff: 'Replace text file with binary file' },
    })
    expect((await stat(path('x'))).size).toBe(64 * 1024 * 1024)
    expect(await read('other')).toBe('old\n')
  })

  it('leaves nothing behind where the place cannot be written', async () => {
    const { call, path, all } = await fileStates()
    const long = 'x'.repeat(300)
    expect(await call('file.managed', { name: path(long), contents: 'a' })).toMatchObject({ result: false })
    expect(await all()).toEqual([])
  })
})

describe('file.absent, exists, missing, touch', () => {
  it('removes files, links and folders, once', async () => {
    const { call, test, file, path, all } = await fileStates()
    await file('keep/x', 'x')
    await file('dir/sub/x', 'x')
    await symlink('keep', path('link'))
    expect(await test('file.absent', { name: path('dir') })).toEqual({
      result: null,
      changes: { removed: path('dir') },
      comment: `Directory ${path('dir')} is set for removal`,
    })
    expect(await call('file.absent', { name: `${path('dir')}/` })).toMatchObject({
      result: true,
      changes: { removed: path('dir') },
      comment: `Removed directory ${path('dir')}`,
    })
    expect(await call('file.absent', { name: path('link') })).toMatchObject({ comment: `Removed file ${path('link')}` })
    expect(await call('file.absent', { name: path('link') })).toEqual({
      result: true,
      changes: {},
      comment: `File ${path('link')} is not present`,
    })
    expect(await all()).toEqual(['keep', 'keep/x'])
  })

  it.each(['/', '//', '/etc/..', 'relative'])('does not remove %s', async name => {
    const { test } = await fileStates()
    expect(await test('file.absent', { name })).toMatchObject({ result: false, changes: {} })
  })

  it('says what is there and what is not', async () => {
    const { call, path, folder } = await fileStates()
    expect(await call('file.exists', { name: folder })).toMatchObject({
      result: true,
      comment: `Path ${folder} exists`,
    })
    expect(await call('file.exists', { name: path('x') })).toMatchObject({
      result: false,
      comment: `Specified path ${path('x')} does not exist`,
    })
    expect(await call('file.missing', { name: path('x') })).toMatchObject({ comment: `Path ${path('x')} is missing` })
    expect(await call('file.missing', { name: folder })).toMatchObject({
      result: false,
      comment: `Specified path ${folder} exists`,
    })
  })

  it('touches a file with the times that are asked', async () => {
    const { call, test, path } = await fileStates()
    const args = { name: path('a/x'), mtime: 1_000_000 }
    expect(await call('file.touch', args)).toMatchObject({
      result: false,
      comment: expect.stringContaining('Directory not present'),
    })
    expect(await test('file.touch', args)).toMatchObject({ result: null, changes: { new: path('a/x') } })
    expect(await call('file.touch', { ...args, makedirs: true })).toMatchObject({
      comment: `Created empty file ${path('a/x')}`,
    })
    expect((await stat(path('a/x'))).mtimeMs).toBe(1e9)
    expect(await test('file.touch', args)).toMatchObject({ result: true, changes: {} })
    expect(await call('file.touch', { name: path('a/x') })).toMatchObject({ changes: { touched: path('a/x') } })
  })
})

describe('file.symlink', () => {
  it('makes a link, and leads another one there', async () => {
    const { call, test, path, all } = await fileStates()
    const args = { name: path('on/link'), target: '/srv/a' }
    expect(await call('file.symlink', args)).toMatchObject({
      result: false,
      comment: `Directory ${path('on')} for symlink is not present`,
    })
    expect(await test('file.symlink', { ...args, makedirs: true })).toMatchObject({
      result: null,
      changes: { new: args.name },
    })
    expect(await call('file.symlink', { ...args, makedirs: true })).toEqual({
      result: true,
      changes: { new: args.name },
      comment: `Created new symlink ${args.name} -> /srv/a`,
    })
    expect(await call('file.symlink', args)).toMatchObject({
      changes: {},
      comment: expect.stringMatching(/^Symlink .* is present and owned by /),
    })
    expect(await test('file.symlink', { ...args, target: '/srv/b' })).toMatchObject({ changes: { change: args.name } })
    expect(await call('file.symlink', { ...args, target: '/srv/b' })).toMatchObject({ result: true })
    expect(await readlink(args.name)).toBe('/srv/b')
    expect(await all()).toEqual(['on', 'on/link'])
  })

  it('takes what stands in its place away only on request', async () => {
    const { call, test, path, file, read } = await fileStates()
    await file('x', 'mine\n')
    await file('dir/y', 'y')
    const args = { name: path('x'), target: 'z' }
    expect(await call('file.symlink', args)).toMatchObject({
      result: false,
      comment: `File exists where the symlink ${path('x')} should be`,
    })
    expect(await call('file.symlink', { ...args, name: path('dir') })).toMatchObject({
      result: false,
      comment: `Directory exists where the symlink ${path('dir')} should be`,
    })
    expect(await test('file.symlink', { ...args, force: true })).toMatchObject({ result: null })
    expect(await read('x')).toBe('mine\n')
    expect(await call('file.symlink', { ...args, backupname: path('x.old') })).toMatchObject({ result: true })
    expect(await read('x.old')).toBe('mine\n')
    expect(await call('file.symlink', { ...args, name: path('dir'), force: true })).toMatchObject({
      changes: { forced: 'Directory was forcibly replaced', new: path('dir') },
    })
    expect(await readlink(path('dir'))).toBe('z')
  })

  it.runIf(isRoot)('sets the owner of the link, not of what it leads to', async () => {
    const { call, test, path, file } = await fileStates()
    await file('real', 'x')
    await symlink('real', path('link'))
    const args = { name: path('link'), target: 'real', user: 'daemon', group: 'daemon' }
    expect(await test('file.symlink', args)).toMatchObject({
      result: null,
      comment: expect.stringContaining('from root:root to daemon:daemon'),
    })
    expect(await call('file.symlink', args)).toMatchObject({ changes: { ownership: 'daemon:daemon' } })
    expect((await lstat(path('link'))).uid).toBe(1)
    expect((await stat(path('real'))).uid).toBe(0)
  })
})

describe('what is not changed stays', () => {
  it('does not touch a file that is right, not even its times', async () => {
    const { call, file, path } = await fileStates()
    await file('x', 'a\n')
    await mkdir(path('d'))
    const before = [await stat(path('x')), await stat(path('d'))]
    await call('file.managed', { name: path('x'), contents: 'a' })
    await call('file.directory', { name: path('d') })
    await call('file.append', { name: path('x'), text: 'a' })
    await call('file.replace', { name: path('x'), pattern: 'b', repl: 'c' })
    const after = [await stat(path('x')), await stat(path('d'))]
    expect(after.map(one => [one.ino, one.mtimeMs, one.ctimeMs])).toEqual(
      before.map(one => [one.ino, one.mtimeMs, one.ctimeMs]),
    )
  })
})

describe.runIf(isRoot)('a link that somebody has made where everybody may', () => {
  const trapped = async () => {
    const states = await fileStates()
    await states.file('victim', 'mine\n')
    await mkdir(states.path('tmp'))
    await chmod(states.path('tmp'), 0o1777)
    await symlink(states.path('victim'), states.path('tmp/x'))
    await lchown(states.path('tmp/x'), 65_534, 65_534)
    return states
  }
  it.each<[string, Record<string, unknown>]>([
    ['file.managed', { contents: 'theirs' }],
    ['file.managed', { mode: '0666', replace: false, contents: 'x' }],
    ['file.append', { text: 'theirs' }],
    ['file.touch', {}],
    ['file.replace', { pattern: 'mine', repl: 'theirs', backup: false }],
  ])('is not followed by %s %j', async (fun, args) => {
    const { call, path, read } = await trapped()
    expect(await call(fun, { name: path('tmp/x'), ...args })).toMatchObject({ result: false })
    expect(await read('victim')).toBe('mine\n')
    expect(await modeOf(path('victim'))).not.toBe('666')
  })

  it('may be followed where it is our own', async () => {
    const { call, path, read } = await trapped()
    await lchown(path('tmp/x'), process.geteuid!(), process.getegid!())
    expect(await call('file.managed', { name: path('tmp/x'), contents: 'ours' })).toMatchObject({ result: true })
    expect(await read('victim')).toBe('ours\n')
  })
})
