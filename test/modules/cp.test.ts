import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createFiles } from '../../src/files/client.ts'
import { createLocalFiles } from '../../src/files/local.ts'
import type { FileSource } from '../../src/files/source.ts'
import { bindArgs } from '../../src/functions/args.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { filesIn, rootsOf } from '../files/files.ts'
import { testFolder } from '../helpers/folder.ts'
import { caller } from './call.ts'

const CONTENT = {
  'top.sls': 'base: {}',
  'web/init.sls': '',
  'web/conf/nginx.sls': '',
  'web/index.html': '<h1>',
  'web/conf/nginx.conf': 'port {{ port }}',
  'web/logo.png': Buffer.from([0x89, 0xff]),
}

/** A minion whose copies come straight from the master's folders. */
async function minion(content: Record<string, string | Uint8Array> = CONTENT) {
  const root = await filesIn(content)
  const roots = rootsOf({ base: [root], dev: [await filesIn({ only: 'dev' })] })
  const local = createLocalFiles(roots)
  const source: FileSource = {
    chunkBytes: () => 1024,
    envs: local.envs,
    list: async (kind, env, prefix) => (kind === 'list' ? local.list(env, prefix) : local.listDirs(env, prefix)),
    hash: local.hash,
    read: async ({ path, saltenv, offset, length }) => {
      const at = await local.cache(path, saltenv)
      return at === undefined ? undefined : (await readFile(at)).subarray(offset, offset + length)
    },
  }
  const [cache, machine] = [await testFolder(), await testFolder()]
  const made = caller('execution', {
    files: createFiles({ source, dir: cache }),
    render: async (text, { names = {} }) => text.replace(/\{\{ (\w+) \}\}/g, (_, name) => String(names[name] ?? name)),
  })
  return { ...made, root, cache, machine, copy: (path: string) => join(cache, 'base', path) }
}

describe('cp tells what the master has', () => {
  it('its environments, files, folders and states', async () => {
    const { call, root } = await minion()
    await mkdir(join(root, 'empty'))
    expect(await call('cp.envs')).toEqual(['base', 'dev'])
    expect(await call('cp.list_master')).toEqual(Object.keys(CONTENT).sort())
    expect(await call('cp.list_master', ['base', 'web/in'])).toEqual(['web/index.html', 'web/init.sls'])
    expect(await call('cp.list_master', ['base', '/web/conf/'])).toEqual(['web/conf/nginx.conf', 'web/conf/nginx.sls'])
    expect(await call('cp.list_master', ['base', 'nope/x'])).toEqual([])
    expect(await call('cp.list_master', ['dev'])).toEqual(['only'])
    expect(await call('cp.list_master_dirs')).toEqual(['empty', 'web', 'web/conf'])
    expect(await call('cp.list_states')).toEqual(['top', 'web', 'web.conf.nginx'])
    await expect(call('cp.list_master', ['prod'])).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('the hash of a file there, or of one of the machine', async () => {
    const { call, root } = await minion()
    const hash = { hash_type: 'sha256', hsum: expect.stringMatching(/^[0-9a-f]{64}$/) }
    const there = await call('cp.hash_file', ['salt://web/index.html'])
    expect(there).toEqual(hash)
    expect(await call('cp.hash_file', [join(root, 'web/index.html')])).toEqual(there)
    expect(await call('cp.hash_file', ['salt://nope'])).toEqual({})
    expect(await call('cp.hash_file', [join(root, 'nope')])).toEqual({})
    expect(await call('cp.hash_file', [root])).toEqual({})
    await expect(call('cp.hash_file', ['etc/passwd'])).rejects.toMatchObject({ code: 'bad_argument' })
  })
})

describe('cp copies files to the cache', () => {
  it('one, several, those of a folder, all', async () => {
    const { call, copy } = await minion()
    expect(await call('cp.is_cached', ['salt://web/index.html'])).toBe('')
    expect(await call('cp.cache_file', ['salt://web/index.html'])).toBe(copy('web/index.html'))
    expect(await readFile(copy('web/index.html'), 'utf8')).toBe('<h1>')
    expect(await call('cp.is_cached', ['salt://web/index.html'])).toBe(copy('web/index.html'))
    expect(await call('cp.cache_files', ['salt://top.sls, salt://nope'])).toEqual([copy('top.sls'), false])
    expect(await call('cp.cache_dir', ['salt://web/'], { include_pat: '*.conf' })).toEqual([
      copy('web/conf/nginx.conf'),
    ])
    expect(
      await call('cp.cache_dir', ['salt://web'], { include_pat: 'E@[.](conf|png)$', exclude_pat: '*/conf/*' }),
    ).toEqual([copy('web/logo.png')])
    expect(await call('cp.list_minion')).toEqual(['top.sls', 'web/conf/nginx.conf', 'web/index.html', 'web/logo.png'])
    expect(await call('cp.cache_master')).toEqual(Object.keys(CONTENT).sort().map(copy))
    expect(await call('cp.cache_file', ['salt://only?saltenv=dev'])).toMatch(/\/dev\/only$/)
    expect(await call('saltutil.clear_cache')).toBe(true)
    expect(await call('cp.list_minion')).toEqual([])
  })

  it('gives their text, and says of one that has none', async () => {
    const { call } = await minion()
    expect(await call('cp.get_file_str', ['salt://web/index.html'])).toBe('<h1>')
    expect(await call('cp.get_file_str', ['salt://nope'])).toBe(false)
    await expect(call('cp.get_file_str', ['salt://web/logo.png'])).rejects.toMatchObject({
      code: 'bad_argument',
      message: 'salt://web/logo.png is no text in UTF-8',
    })
  })

  it.each([
    'web/index.html',
    'http://x/y',
    'salt://',
    'salt://../x',
    'salt:///etc/passwd',
    'salt://a/..',
    'salt://x?env=dev',
  ])('and refuses %s', async path => {
    const { call, cache } = await minion()
    for (const fun of ['cache_file', 'is_cached', 'get_file_str', 'get_url'])
      await expect(call(`cp.${fun}`, [path])).rejects.toMatchObject({ code: 'bad_argument' })
    expect(await readdir(cache)).toEqual([])
  })
})

describe('cp puts a file in its place', () => {
  it('under its new name, or its own in a folder', async () => {
    const { call, machine } = await minion()
    const to = (name: string) => join(machine, name)
    expect(await call('cp.get_file', ['salt://web/index.html', to('new')])).toBe(to('new'))
    expect(await call('cp.get_file', ['salt://web/index.html', machine])).toBe(to('index.html'))
    expect(await call('cp.get_file', ['salt://web/index.html', `${to('a/b')}/`], { makedirs: true })).toBe(
      to('a/b/index.html'),
    )
    expect(await call('cp.get_url', ['salt://web/index.html', to('url')])).toBe(to('url'))
    for (const name of ['new', 'index.html', 'a/b/index.html', 'url'])
      expect(await readFile(to(name), 'utf8')).toBe('<h1>')
  })

  it('and keeps the mode of what is there, and nothing of its own beside it', async () => {
    const { call, machine } = await minion()
    const at = join(machine, 'f')
    await writeFile(at, 'a longer text than the new one')
    await chmod(at, 0o751)
    await call('cp.get_file', ['salt://web/index.html', at])
    expect((await stat(at)).mode & 0o7777).toBe(0o751)
    expect(await readFile(at, 'utf8')).toBe('<h1>')
    expect(await readdir(machine)).toEqual(['f'])
  })

  it('or says why not', async () => {
    const { call, machine, recorded } = await minion()
    const refused = { code: 'bad_argument' }
    await expect(call('cp.get_file', ['salt://web/index.html', 'relative'])).rejects.toMatchObject(refused)
    await expect(call('cp.get_file', ['salt://web/index.html', join(machine, 'a/b')])).rejects.toMatchObject({
      ...refused,
      message: `there is no folder '${machine}/a': make it, or say makedirs=True`,
    })
    await mkdir(join(machine, 'index.html'))
    await expect(call('cp.get_file', ['salt://web/index.html', machine])).rejects.toMatchObject(refused)
    await symlink('/dev/null', join(machine, 'null'))
    await expect(call('cp.get_file', ['salt://web/index.html', join(machine, 'null')])).rejects.toMatchObject(refused)
    await writeFile(join(machine, 'file'), '')
    await expect(
      call('cp.get_file', ['salt://web/index.html', join(machine, 'file/x')], { makedirs: true }),
    ).rejects.toMatchObject({ code: 'unwritable' })
    expect(recorded.retcode).toBeUndefined()
    expect(await call('cp.get_file', ['salt://nope', join(machine, 'x')])).toBe('')
    expect(recorded.retcode).toBe(1)
    expect(await call('cp.get_url', ['salt://nope'])).toBe(false)
    expect(await call('cp.get_dir', ['salt://nope', machine])).toEqual([])
    expect((await readdir(machine)).sort()).toEqual(['file', 'index.html', 'null'])
  })

  it('a folder with all that is in it', async () => {
    const { call, machine, root } = await minion()
    await mkdir(join(root, 'web/empty'))
    expect(await call('cp.get_dir', ['salt://web', machine])).toEqual(
      ['conf/nginx.conf', 'conf/nginx.sls', 'index.html', 'init.sls', 'logo.png'].map(name =>
        join(machine, 'web', name),
      ),
    )
    expect((await readdir(join(machine, 'web'))).sort()).toContain('empty')
  })

  it('with path and dest rendered, or the file itself', async () => {
    const { call, machine } = await minion()
    const dest = join(machine, '{{ id }}')
    expect(await call('cp.get_file', ['salt://web/{{ index }}.html', dest], { template: 'jinja' })).toBe(
      join(machine, 'id'),
    )
    expect(await call('cp.get_template', ['salt://web/conf/nginx.conf', join(machine, 'c')], { port: 8080 })).toBe(
      join(machine, 'c'),
    )
    expect(await readFile(join(machine, 'c'), 'utf8')).toBe('port 8080')
    await expect(call('cp.get_file', ['salt://x', dest], { template: 'mako' })).rejects.toMatchObject({
      code: 'bad_argument',
    })
  })
})

describe('an event may not say', () => {
  it.each<[string, string, unknown[], (string | number)[][]]>([
    ['where a file is put', 'cp.get_file', ['salt://x', '/etc/shadow'], [['arg', 1]]],
    ['what is put there', 'cp.get_file', ['salt://x', '/etc/shadow'], [['arg', 0]]],
    ['which template is rendered', 'cp.get_template', ['salt://x', '/etc/x'], [['arg', 0]]],
    ['which file of the machine is read', 'cp.hash_file', ['/etc/shadow'], [['arg', 0]]],
    ['where a folder is put', 'cp.get_dir', ['salt://x', '/etc'], [['arg', 1]]],
  ])('%s', async (_what, fun, arg, paths) => {
    const fn = (await loadFunctions('execution')).get(fun)
    expect(() => bindArgs(fun, fn, arg, {}, { paths, by: 'rule' })).toThrow(
      /from an event|came with an event|untrusted|only the rule|only salt/,
    )
  })
})
