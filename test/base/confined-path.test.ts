import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { openConfined } from '../../src/base/confined-path.ts'
import { testFolder } from '../helpers/folder.ts'

let dir: string
let allowed: string
const read = async (path: string, roots = [allowed]) => {
  const file = await openConfined(path, roots, 'files')
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

beforeEach(async () => {
  dir = await testFolder()
  allowed = join(dir, 'allowed')
  await mkdir(join(allowed, 'inner'), { recursive: true })
  await mkdir(join(dir, 'allowed-too'))
  await writeFile(join(dir, 'secret'), 'secret')
  await writeFile(join(dir, 'allowed-too', 'a'), 'secret')
  await writeFile(join(allowed, 'a'), 'a')
  await writeFile(join(allowed, '..b'), 'b')
  await symlink(join(dir, 'secret'), join(allowed, 'link'))
  await symlink(dir, join(allowed, 'up'))
  await symlink(join(allowed, 'a'), join(allowed, 'inner', 'here'))
  await symlink(allowed, join(dir, 'other-name'))
})

describe('a file that a caller names', () => {
  it('is opened where it lies in a folder that is allowed, by links inside too', async () => {
    expect(await read(join(allowed, 'a'))).toBe('a')
    expect(await read(join(allowed, '..b'))).toBe('b')
    expect(await read(join(allowed, 'inner', 'here'))).toBe('a')
    expect(await read(join(allowed, 'a'), ['/nonexistent', `${allowed}/`])).toBe('a')
  })

  it('is opened where the allowed folder itself is a link', async () => {
    expect(await read(join(dir, 'other-name', 'a'), [join(dir, 'other-name')])).toBe('a')
  })

  it.each([
    ['outside', () => join(dir, 'secret'), 'lies in none of the folders'],
    ['in a folder whose name only begins alike', () => join(dir, 'allowed-too', 'a'), 'lies in none of the folders'],
    ['behind a link', () => join(allowed, 'link'), 'lies in none of the folders'],
    ['behind a folder that is a link', () => join(allowed, 'up', 'secret'), 'lies in none of the folders'],
    ['by ..', () => `${allowed}/../secret`, "has '..' in it"],
    ['by .. that leads back', () => `${allowed}/inner/../a`, "has '..' in it"],
    ['relative', () => relative(process.cwd(), join(allowed, 'a')), 'is not absolute'],
    ['as a folder', () => join(allowed, 'inner'), 'is not a regular file'],
    ['as the allowed folder', () => allowed, 'lies in none of the folders'],
    ['that is not there', () => join(allowed, 'none'), 'ENOENT'],
    ['with a NUL', () => join(allowed, 'a\0b'), 'files: cannot read'],
  ])('is refused %s', async (_what, path, message) => {
    const opening = read(path())
    await expect(opening).rejects.toThrow(message)
    await expect(opening).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('outside is refused alike whether it is there or not', async () => {
    const said = (path: string) => read(path).catch((error: Error) => error.message.replace(path, 'PATH'))
    expect(await said(join(dir, 'nothing'))).toBe(await said(join(dir, 'secret')))
  })

  it('is refused where nothing is allowed', async () => {
    await expect(read(join(allowed, 'a'), [])).rejects.toThrow('lies in none of the folders')
  })
})
