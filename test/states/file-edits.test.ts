import { chmod, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fileStates, SECRET } from './file-context.ts'

describe('file.append and file.prepend', () => {
  it('add the lines that are missing, once', async () => {
    const { call, test, file, path, read, all } = await fileStates()
    await file('motd', 'first\nsecond')
    await chmod(path('motd'), 0o640)
    const args = { name: path('motd'), text: ['second', 'third\nfourth'] }
    const diff =
      '--- \n+++ \n@@ -1,2 +1,4 @@\n first\n-second\n\\ No newline at end of file\n+second\n+third\n+fourth\n'
    expect(await test('file.append', args)).toEqual({
      result: null,
      changes: { diff },
      comment: `File ${path('motd')} is set to be updated`,
    })
    expect(await call('file.append', args)).toEqual({ result: true, changes: { diff }, comment: 'Appended 2 lines' })
    expect(await read('motd')).toBe('first\nsecond\nthird\nfourth\n')
    for (const how of [call, test])
      expect(await how('file.append', args)).toEqual({
        result: true,
        changes: {},
        comment: `File ${path('motd')} is in correct state`,
      })
    const before = { name: path('motd'), text: 'zeroth' }
    expect(await call('file.prepend', before)).toMatchObject({ comment: 'Prepended 1 lines' })
    expect(await call('file.prepend', before)).toMatchObject({ changes: {} })
    expect(await read('motd')).toBe('zeroth\nfirst\nsecond\nthird\nfourth\n')
    expect((await stat(path('motd'))).mode & 0o777).toBe(0o640)
    expect(await all()).toEqual(['motd'])
  })

  it('make a file that is not there, and its folders on request', async () => {
    const { call, test, path, read, all } = await fileStates()
    const args = { name: path('a/x'), text: 5 }
    expect(await call('file.append', args)).toMatchObject({ result: false, changes: {} })
    expect(await test('file.append', { ...args, makedirs: true })).toMatchObject({ result: null })
    expect(await all()).toEqual([])
    expect(await call('file.append', { ...args, makedirs: true })).toMatchObject({ result: true })
    expect(await read('a/x')).toBe('5\n')
  })

  it('find lines that differ in white space alone, unless it counts', async () => {
    const { call, file, path, read } = await fileStates()
    await file('x', '  a   b\n')
    expect(await call('file.append', { name: path('x'), text: 'a b' })).toMatchObject({ changes: {} })
    await call('file.append', { name: path('x'), text: 'a b', ignore_whitespace: false })
    expect(await read('x')).toBe('  a   b\na b\n')
  })

  it('header wants the lines at the beginning', async () => {
    const { call, file, path, read } = await fileStates()
    await file('x', 'body\nhead\n')
    expect(await call('file.prepend', { name: path('x'), text: 'head' })).toMatchObject({ changes: {} })
    await call('file.prepend', { name: path('x'), text: 'head', header: true })
    expect(await call('file.prepend', { name: path('x'), text: 'head', header: true })).toMatchObject({ changes: {} })
    expect(await read('x')).toBe('head\nbody\nhead\n')
  })

  it('take lines of a source, rendered on request', async () => {
    const { call, salt, path, read } = await fileStates()
    await salt('t', 'hi {{ who }}\n')
    const args = { name: path('x'), source: 'salt://t', template: 'jinja', context: { who: 'you' } }
    expect(await call('file.append', args)).toMatchObject({ result: true })
    expect(await call('file.append', args)).toMatchObject({ changes: {} })
    expect(await read('x')).toBe('hi you\n')
  })

  it('fail without a text, on a binary file, on a folder', async () => {
    const { call, file, path, folder } = await fileStates()
    await file('bin', Buffer.from([0, 1]))
    expect(await call('file.append', { name: path('x') })).toMatchObject({
      result: false,
      comment: 'No text found to append. Nothing appended',
    })
    expect(await call('file.append', { name: path('bin'), text: 'a' })).toMatchObject({ result: false })
    expect(await call('file.append', { name: folder, text: 'a' })).toMatchObject({ result: false })
    expect(await readFile(path('bin'))).toEqual(Buffer.from([0, 1]))
  })
})

describe('file.replace', () => {
  it('replaces what the pattern finds, with a copy of the old file beside it', async () => {
    const { call, test, file, path, read, all } = await fileStates()
    await file('sshd', '#PermitRootLogin yes\nPort 22\n')
    const args = { name: path('sshd'), pattern: '^#?PermitRootLogin .*$', repl: 'PermitRootLogin no' }
    const diff = '--- \n+++ \n@@ -1,2 +1,2 @@\n-#PermitRootLogin yes\n+PermitRootLogin no\n Port 22\n'
    expect(await test('file.replace', args)).toEqual({
      result: null,
      changes: { diff },
      comment: 'Changes would have been made',
    })
    expect(await call('file.replace', args)).toEqual({ result: true, changes: { diff }, comment: 'Changes were made' })
    expect(await call('file.replace', args)).toEqual({
      result: true,
      changes: {},
      comment: 'No changes needed to be made',
    })
    expect(await all()).toEqual(['sshd', 'sshd.bak'])
    expect(await read('sshd.bak')).toBe('#PermitRootLogin yes\nPort 22\n')
  })

  it.each([
    ['a=1\nb=2\n', { pattern: '^(\\w)=(\\d)$', repl: '\\2=\\g<1>' }, '1=a\n2=b\n'],
    ['a=1\na=1\n', { pattern: '(?P<key>a)=1', repl: '\\g<key>\\t\\\\', count: 1 }, 'a\t\\\na=1\n'],
    ['A\na\n', { pattern: 'a', repl: 'x', flags: ['IGNORECASE'] }, 'x\nx\n'],
    ['a\nb\n', { pattern: 'a.b', repl: 'x', flags: 16 }, 'x\n'],
    ['a\nb\n', { pattern: '^b', repl: 'x', flags: [] }, 'a\nb\n'],
    ['a\n', { pattern: 'a', repl: '\\1$&', backslash_literal: true }, '\\1$&\n'],
    ['a\n', { pattern: 'a', repl: '$1 $& $$' }, '$1 $& $$\n'],
    ['a', { pattern: 'z', repl: 'new', append_if_not_found: true }, 'a\nnew\n'],
    ['a\n', { pattern: 'z', repl: '\\t', not_found_content: 'new', prepend_if_not_found: true }, 'new\na\n'],
    ['new\na\n', { pattern: 'z', repl: 'new', append_if_not_found: true }, 'new\na\n'],
    ['é日😀x\n', { pattern: 'x', repl: 'ü' }, 'é日😀ü\n'],
    ['a\r\nb\r\n', { pattern: 'a', repl: 'c' }, 'c\r\nb\r\n'],
    ['x5\n', { pattern: 'x', repl: 7 }, '75\n'],
    ['aaa{,2}\n', { pattern: 'a{,2}\\{[{,2}]+', repl: 'x' }, 'ax\n'],
    ['a\n', { pattern: 'a\\n?\\Z', repl: 'x', flags: [] }, 'x'],
    ['a\nb\n', { pattern: '(?m)a$', repl: 'x', flags: 0 }, 'x\nb\n'],
  ])('of %j with %j makes %j', async (before, args, after) => {
    const { call, file, path, read, all } = await fileStates()
    await file('x', before)
    expect(await call('file.replace', { name: path('x'), backup: false, ...args })).toMatchObject({ result: true })
    expect(await read('x')).toBe(after)
    expect(await all()).toEqual(['x'])
  })

  it.each([
    [{ pattern: '(', repl: '' }, /^The pattern "\(" cannot be used: /],
    [{ pattern: 'a(?=b)', repl: '' }, /look-ahead and look-behind are not supported$/],
    [{ pattern: '(a)\\1', repl: '' }, /back-references in a pattern are not supported/],
    [{ pattern: 'a', repl: '\\1' }, 'The replacement names the group 1, which the pattern does not have'],
    [{ pattern: 'z', repl: '\\g<x>' }, 'The replacement names the group x, which the pattern does not have'],
    [{ pattern: 'b$', repl: 'x', flags: 0 }, /write \\n\?\\Z in the place of \$, or give the flag MULTILINE$/],
    [{ pattern: 'a', repl: '\\d' }, /has a bad escape \\d/],
    [{ pattern: 'a', repl: 'x', flags: ['VERBOSE'] }, /^Invalid re flag given: VERBOSE/],
    [{ pattern: 'a', repl: 'x', flags: 64 }, /^Invalid re flag given: 64/],
    [
      { pattern: 'a', repl: 'x', append_if_not_found: true, prepend_if_not_found: true },
      'Only one of append and prepend_if_not_found is permitted',
    ],
  ])('fails on %j', async (args, comment) => {
    const { call, file, path, read, all } = await fileStates()
    await file('x', 'aab\n')
    const words = typeof comment === 'string' ? comment : expect.stringMatching(comment)
    expect(await call('file.replace', { name: path('x'), ...args })).toEqual({
      result: false,
      changes: {},
      comment: words,
    })
    expect(await read('x')).toBe('aab\n')
    expect(await all()).toEqual(['x'])
  })

  it('a pattern that makes others backtrack for ever is done in time', async () => {
    const { call, file, path } = await fileStates()
    await file('x', `${'a'.repeat(20_000)}!\n`)
    expect(await call('file.replace', { name: path('x'), pattern: '^(a+)+$', repl: 'b' })).toMatchObject({
      changes: {},
    })
  })

  it('fails where there is no file, unless that is fine, and on a binary one', async () => {
    const { call, file, path } = await fileStates()
    await file('bin', Buffer.from([0xff, 0, 1]))
    const args = { name: path('x'), pattern: 'a', repl: 'b' }
    expect(await call('file.replace', args)).toMatchObject({ result: false, comment: `${path('x')}: file not found` })
    expect(await call('file.replace', { ...args, ignore_if_missing: true })).toMatchObject({
      result: true,
      changes: {},
    })
    expect(await call('file.replace', { ...args, name: path('bin') })).toMatchObject({
      result: false,
      comment: `Cannot perform string replacements on a binary file: ${path('bin')}`,
    })
  })

  it('edits what a link leads to, and shows no secrets', async () => {
    const { call, file, path, read, folder } = await fileStates()
    await file('real', 'password: none\n')
    await symlink('real', path('link'))
    const args = { name: path('link'), pattern: 'none', repl: SECRET, backup: '' }
    expect(await call('file.replace', args)).toMatchObject({
      changes: { diff: '<secrets of the pillar: no diff is shown>' },
    })
    expect(await read('real')).toBe(`password: ${SECRET}\n`)
    expect((await readdir(folder)).sort()).toEqual(['link', 'real'])
  })
})

describe('file.blockreplace', () => {
  const markers = { marker_start: '# START', marker_end: '# END', backup: false }

  it('keeps the lines between two markers, once', async () => {
    const { call, test, file, path, read, all } = await fileStates()
    await file('hosts', 'a\n# START of it\nold\n# END\nb\n')
    const args = { name: path('hosts'), ...markers, backup: '.old', content: 'one\ntwo' }
    const diff = '--- \n+++ \n@@ -1,5 +1,6 @@\n a\n # START of it\n-old\n+one\n+two\n # END\n b\n'
    expect(await test('file.blockreplace', args)).toEqual({
      result: null,
      changes: { diff },
      comment: 'Changes would be made',
    })
    expect(await call('file.blockreplace', args)).toEqual({
      result: true,
      changes: { diff },
      comment: 'Changes were made',
    })
    expect(await call('file.blockreplace', args)).toEqual({
      result: true,
      changes: {},
      comment: 'No changes needed to be made',
    })
    expect(await read('hosts')).toBe('a\n# START of it\none\ntwo\n# END\nb\n')
    expect(await all()).toEqual(['hosts', 'hosts.old'])
  })

  it.each([
    [{ append_if_not_found: true }, 'a\nb\n# START\nx\n# END\n'],
    [{ prepend_if_not_found: true }, '# START\nx\n# END\na\nb'],
    [{ insert_before_match: '^b$' }, 'a\n# START\nx\n# END\nb'],
    [{ insert_after_match: '^a$' }, 'a\n# START\nx\n# END\nb'],
  ])('puts a block that is not there where %j says', async (where, after) => {
    const { call, salt, file, path, read } = await fileStates()
    await salt('t', '{{ what }}\n')
    await file('x', 'a\nb')
    const args = {
      name: path('x'),
      ...markers,
      ...where,
      source: 'salt://t',
      template: 'jinja',
      context: { what: 'x' },
    }
    expect(await call('file.blockreplace', args)).toMatchObject({ result: true })
    expect(await read('x')).toBe(after)
    expect(await call('file.blockreplace', args)).toMatchObject({ result: true, changes: {} })
  })

  it.each([
    ['a\n', {}, 'Cannot edit marked block. Markers were not found in file.'],
    ['a\n', { insert_after_match: 'z' }, 'Cannot edit marked block. Markers were not found in file.'],
    [
      '# START\na\n',
      { append_if_not_found: true },
      'Unterminated marked block. End of file reached before marker_end.',
    ],
    ['a\n', { append_if_not_found: true, insert_after_match: 'a' }, /^Only one of append_if_not_found, /],
  ])('fails on %j with %j', async (before, args, comment) => {
    const { call, file, path, read, all } = await fileStates()
    await file('x', before)
    const words = typeof comment === 'string' ? comment : expect.stringMatching(comment)
    const given = { name: path('x'), ...markers, content: 'c', ...args }
    expect(await call('file.blockreplace', given)).toEqual({ result: false, changes: {}, comment: words })
    expect(await read('x')).toBe(before)
    expect(await all()).toEqual(['x'])
  })
})

it('a backup beside a file follows no link that somebody has put there', async () => {
  const { call, file, path, read } = await fileStates()
  await file('app.conf', 'port = 80\n')
  await file('victim', 'mine\n')
  await symlink(path('victim'), path('app.conf.bak'))
  const args = { name: path('app.conf'), pattern: '80', repl: '81', backup: '.bak' }
  expect(await call('file.replace', args)).toMatchObject({ result: true })
  expect(await read('victim')).toBe('mine\n')
  expect(await read('app.conf.bak')).toBe('port = 80\n')
  expect(await read('app.conf')).toBe('port = 81\n')
})
