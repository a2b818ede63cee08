// What must not be lost, or half written, whatever else happens to the files meanwhile.
import { appendFileSync } from 'node:fs'
import { mkdir, readFile, realpath, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { StateContext } from '../../src/functions/state-context.ts'
import { fileStates } from './file-context.ts'

/** A pillar that lets something happen when a state looks through its texts for secrets: behind the reading, before the writing. */
function between(work: () => void) {
  let done = false
  const hide = <T>(value: T) => {
    if (!done) work()
    done = true
    return value
  }
  return { current: () => ({ value: {}, errors: [] }), hide } as unknown as StateContext['pillar']
}

describe('a file that another changes meanwhile', () => {
  it.each([
    ['file.replace', { pattern: 'one', repl: '1' }],
    ['file.append', { text: 'three' }],
    ['file.blockreplace', { content: 'x', append_if_not_found: true }],
  ])('is left alone by %s', async (fun, args) => {
    const at: { path?: string } = {}
    const { call, file, path, read, all } = await fileStates({
      pillar: between(() => appendFileSync(at.path!, 'two\n')),
    })
    at.path = await file('x', 'one\n')
    expect(await call(fun, { name: path('x'), ...args })).toEqual({
      result: false,
      changes: {},
      comment: `${path('x')} was changed by another while it was edited, so it was left alone; run the state again`,
    })
    expect(await read('x')).toBe('one\ntwo\n')
    expect(await all()).toEqual(['x'])
  })

  it('is no source of half a file', async () => {
    const at: { path?: string } = {}
    const { call, file, path, read, all } = await fileStates({
      pillar: between(() => appendFileSync(at.path!, 'more\n')),
    })
    at.path = await file('source', 'new\n')
    await file('x', 'old\n')
    const args = { name: path('x'), source: at.path }
    expect(await call('file.managed', args)).toEqual({
      result: false,
      changes: {},
      comment: `Source file ${at.path} was changed while it was read; run the state again`,
    })
    expect(await read('x')).toBe('old\n')
    expect(await all()).toEqual(['source', 'x'])
    expect(await call('file.managed', args)).toMatchObject({ result: true })
    expect(await read('x')).toBe('new\nmore\n')
  })
})

describe('what a link leads to', () => {
  it('is not removed for a name that ends with a slash', async () => {
    const { call, file, path, read } = await fileStates()
    await file('data/precious', 'mine\n')
    await symlink('data', path('link'))
    await symlink('data', path('backup'))
    expect(await call('file.symlink', { name: `${path('link')}/`, target: 'x', force: true })).toMatchObject({
      result: true,
      changes: { new: path('link') },
    })
    await file('y', '')
    const args = { name: path('y'), target: 'x', force: true, backupname: `${path('backup')}/` }
    expect(await call('file.symlink', args)).toMatchObject({ result: true })
    await file('z', '')
    await symlink('data', path('kept'))
    const folder = { name: path('z'), force: true, backupname: `${path('kept')}/` }
    expect(await call('file.directory', folder)).toMatchObject({ result: true })
    expect(await read('data/precious')).toBe('mine\n')
  })
})

describe('clean keeps', () => {
  it.each([['//d//kept'], ['/d/./sub/../kept'], ['/way/kept'], ['/d/leads']])(
    'what a required state calls %s',
    async name => {
      const { requiring, file, path, all, folder } = await fileStates()
      await file('d/kept', '')
      await file('d/foreign', '')
      await symlink('d', path('way'))
      await mkdir(path('d/sub'))
      await symlink('kept', path('d/leads'))
      const { call } = requiring([{ fun: 'file.managed', name: folder + name, args: {} }])
      expect(await call('file.directory', { name: path('d'), clean: true })).toMatchObject({ result: true })
      expect(await all()).toContain('d/kept')
      expect(await all()).not.toContain('d/foreign')
    },
  )

  it('what is there by a link to the folder', async () => {
    const { requiring, file, path, all } = await fileStates()
    await file('real/kept', '')
    await file('real/foreign', '')
    await symlink('real', path('d'))
    const { call } = requiring([{ fun: 'file.managed', name: await realpath(path('real/kept')), args: {} }])
    expect(await call('file.directory', { name: path('d'), clean: true })).toMatchObject({
      changes: { removed: [path('d/foreign')] },
    })
    expect((await all()).filter(name => name.startsWith('real'))).toEqual(['real', 'real/kept'])
  })

  it('a folder until the file that takes its place is here', async () => {
    const gone = new ReactorError('unreachable', 'no master answers')
    const { requiring, file, path, read } = await fileStates({
      files: {
        ...{ list: async () => ['t/a'], listDirs: async () => ['t'] },
        ...{ hash: () => Promise.reject(gone), cache: () => Promise.reject(gone) },
      } as unknown as StateContext['files'],
    })
    await file('d/a/precious', 'mine\n')
    const args = { name: path('d'), source: 'salt://t', clean: true }
    expect(await requiring([]).call('file.recurse', args)).toMatchObject({ result: false })
    expect(await read('d/a/precious')).toBe('mine\n')
  })

  it('nothing to remove in a test of a folder that is still to be made', async () => {
    const { requiring, salt, path } = await fileStates()
    await salt('t/a', 'a')
    expect(
      await requiring([]).test('file.recurse', { name: path('d'), source: 'salt://t', clean: true }),
    ).toMatchObject({ result: null })
  })
})

describe('the content of a file', () => {
  it('with NUL in it is what contents says, to the byte', async () => {
    const { call, path } = await fileStates()
    await call('file.managed', { name: path('x'), contents: 'a\r\n\0b' })
    expect(await readFile(path('x'), 'latin1')).toBe('a\r\n\0b')
  })

  it('is not made longer by every run where a block has its own marker in it', async () => {
    const { call, file, path, read } = await fileStates()
    await file('x', 'a\n')
    const args = { name: path('x'), marker_start: '# S', marker_end: '# E', append_if_not_found: true }
    expect(await call('file.blockreplace', { ...args, content: 'b\n# E\n' })).toMatchObject({
      result: false,
      comment: expect.stringContaining('The content has marker_end in it (# E)'),
    })
    expect(await read('x')).toBe('a\n')
  })

  it('is not appended twice where it has Windows line ends', async () => {
    const { call, file, path } = await fileStates()
    await file('x', 'a\r\n')
    const args = { name: path('x'), pattern: 'z', repl: 'b\r\nc', append_if_not_found: true, backup: false }
    expect(await call('file.replace', args)).toMatchObject({ result: true, changes: { diff: expect.anything() } })
    expect(await call('file.replace', args)).toMatchObject({ result: true, changes: {} })
  })

  it('is rendered with what the template is for', async () => {
    const seen: unknown[] = []
    const { call, salt, path } = await fileStates({
      render: async (_text, { names }) => {
        seen.push(names)
        return ''
      },
    })
    await salt('t', '{{ source }}')
    const args = { name: path('x'), source: 'salt://t', template: 'jinja', mode: 644, context: { user: 'mine' } }
    await call('file.managed', args)
    expect(seen).toEqual([{ name: path('x'), source: 'salt://t', user: 'mine', group: null, mode: '0644' }])
  })
})

it('a source of a list is looked for with the password of its address, and fetched as it is', async () => {
  const asked: (string | undefined)[][] = []
  const server = createServer((request, response) => {
    asked.push([request.method, request.headers.authorization, request.headers['accept-encoding']?.toString()])
    response.writeHead(request.headers.authorization ? 200 : 401).end(request.method === 'HEAD' ? '' : 'packed')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { call, path, read } = await fileStates()
  const source = [`http://me:secret@127.0.0.1:${(server.address() as AddressInfo).port}/a`]
  expect(await call('file.managed', { name: path('x'), source, skip_verify: true })).toMatchObject({ result: true })
  expect(await read('x')).toBe('packed')
  const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`
  expect(asked).toEqual(['HEAD', 'GET'].map(method => [method, basic, 'identity']))
})

it.each(['https://me:s3@cret@127.0.0.1:1/x', 'ftp://me:s3cret@host/x', 'https://me:s3/cret@host:x/y'])(
  'the password of %s is in no comment',
  async source => {
    const { call, path } = await fileStates()
    const { result, comment } = await call('file.managed', { name: path('x'), source, skip_verify: true })
    expect(result).toBe(false)
    expect(comment).toContain('<redacted>@')
    expect(comment).not.toMatch(/s3|cret/)
  },
)
