import { createHash } from 'node:crypto'
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { caller } from './call.ts'

const { call } = caller('execution')

async function things() {
  const dir = await testFolder()
  const [file, folder, link, lost] = ['f', 'd', 'l', 'lost'].map(name => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ]
  await writeFile(file, 'hello')
  await chmod(file, 0o640)
  await mkdir(folder)
  await symlink(file, link)
  await symlink(join(dir, 'nowhere'), lost)
  return { file, folder, link, lost, none: join(dir, 'none') }
}

describe('module file', () => {
  it('tells files, folders and links apart', async () => {
    const { file, folder, link, lost, none } = await things()
    const kinds = async (path: string) =>
      Promise.all(['file_exists', 'directory_exists', 'is_link'].map(name => call(`file.${name}`, [path])))
    expect(await kinds(file)).toEqual([true, false, false])
    expect(await kinds(folder)).toEqual([false, true, false])
    expect(await kinds(link)).toEqual([true, false, true])
    expect(await kinds(lost)).toEqual([false, false, true])
    expect(await kinds(none)).toEqual([false, false, false])
  })

  it('describes a file, or the link itself', async () => {
    const { file, folder, link } = await things()
    const { uid, ino, mtimeMs } = await stat(file)
    expect(await call('file.stats', [file])).toMatchObject({
      ...{ size: 5, mode: '0640', type: 'file', target: file, uid, inode: ino, mtime: mtimeMs / 1000 },
    })
    expect(await call('file.stats', [folder])).toMatchObject({ type: 'dir' })
    expect(await call('file.stats', [link])).toMatchObject({ type: 'file', inode: ino })
    expect(await call('file.stats', [link], { follow_symlinks: false })).toMatchObject({ type: 'link' })
  })

  it('gives checksums', async () => {
    const { file } = await things()
    expect(await call('file.get_hash', [file])).toBe(createHash('sha256').update('hello').digest('hex'))
    expect(await call('file.get_hash', [file, 'md5'])).toBe(createHash('md5').update('hello').digest('hex'))
    await expect(call('file.get_hash', [file, 'sha265'])).rejects.toThrow("no hash 'sha265'. Did you mean")
  })

  it('says what is not there, and what is no absolute path', async () => {
    const { none, folder } = await things()
    await expect(call('file.stats', [none])).rejects.toThrow(`File not found: ${none}`)
    await expect(call('file.get_hash', [folder])).rejects.toThrow(`File not found: ${folder}`)
    await expect(call('file.file_exists', ['etc/motd'])).rejects.toThrow('expected an absolute path')
  })
})
