import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesIn } from '../files/files.ts'
import { testFolder } from '../helpers/folder.ts'
import { caller } from '../modules/call.ts'

async function master() {
  const [one, two, dev] = [
    await filesIn({ 'top.sls': 'base: {}', 'web/index.html': '<h1>', logo: Buffer.from([1, 0]) }),
    await filesIn({ 'top.sls': 'second' }),
    await filesIn({ only: 'ü'.repeat(300) }),
  ]
  const { call } = caller('wheel', { fileRoots: { base: [one, two], dev: [dev] } })
  return { call, one, two, dev }
}

describe('file_roots', () => {
  it('finds and reads a file in all folders that have it', async () => {
    const { call, one, two, dev } = await master()
    const tops = [join(one, 'top.sls'), join(two, 'top.sls')] as const
    expect(await call('file_roots.find', ['top.sls'])).toEqual([{ [tops[0]]: 'txt' }, { [tops[1]]: 'txt' }])
    expect(await call('file_roots.find', ['logo'])).toEqual([{ [join(one, 'logo')]: 'bin' }])
    expect(await call('file_roots.find', ['only', 'dev'])).toEqual([{ [join(dev, 'only')]: 'txt' }])
    expect(await call('file_roots.find', ['nope'])).toEqual([])
    expect(await call('file_roots.read', ['top.sls'])).toEqual([{ [tops[0]]: 'base: {}' }, { [tops[1]]: 'second' }])
    expect(await call('file_roots.read', ['logo'])).toEqual([])
    await expect(call('file_roots.read', ['top.sls', 'prod'])).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('lists what is in the folders of environments', async () => {
    const { call, one, two, dev } = await master()
    await mkdir(join(one, 'web/empty'))
    await writeFile(join(two, '__proto__'), '')
    const base = {
      [one]: { 'top.sls': 'f', logo: 'f', web: { 'index.html': 'f', empty: {} } },
      [two]: JSON.parse('{"top.sls": "f", "__proto__": "f"}'),
    }
    expect(await call('file_roots.list_env')).toEqual(base)
    expect(await call('file_roots.list_roots')).toEqual({ base: [base], dev: [{ [dev]: { only: 'f' } }] })
  })

  it('writes a file whole, into the folder that is named', async () => {
    const { call, one, two } = await master()
    expect(await call('file_roots.write', ['text', 'a/b.sls'])).toBe(`Wrote data to file ${join(one, 'a/b.sls')}`)
    expect(await readFile(join(one, 'a/b.sls'), 'utf8')).toBe('text')
    await call('file_roots.write', ['new', 'top.sls'], { index: 1 })
    expect(await readFile(join(two, 'top.sls'), 'utf8')).toBe('new')
    expect((await stat(join(two, 'top.sls'))).mode & 0o400).toBe(0o400)
    expect(await readdir(join(one, 'a'))).toEqual(['b.sls'])
  })

  it('writes nothing outside', async () => {
    const { call, one } = await master()
    const outside = await testFolder()
    await symlink(outside, join(one, 'out'))
    await writeFile(join(outside, 'f'), 'mine')
    await symlink(join(outside, 'f'), join(one, 'link'))
    for (const path of ['../x', '/etc/x', 'a/../../x', 'out/f', 'out/new/f', ''])
      await expect(call('file_roots.write', ['text', path])).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(call('file_roots.write', ['text', 'f'], { index: 2 })).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(call('file_roots.write', ['text', 'top.sls/f'])).rejects.toMatchObject({ code: 'unwritable' })
    // The link itself gives way, and not what it leads to.
    await call('file_roots.write', ['text', 'link'])
    expect(await readdir(outside)).toEqual(['f'])
    expect(await readFile(join(outside, 'f'), 'utf8')).toBe('mine')
  })
})
