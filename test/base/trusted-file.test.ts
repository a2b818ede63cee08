import { execFileSync } from 'node:child_process'
import { chmod, lchown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { userOf } from '../../src/base/file-lock.ts'
import { readTrustedFile, requireTrustedFile } from '../../src/base/trusted-file.ts'
import { testFolder } from '../helpers/folder.ts'
import { giveToStranger } from '../helpers/stranger.ts'

afterEach(() => void vi.restoreAllMocks())

/** A file in a folder, both for their owner alone. */
async function found() {
  const folder = join(await testFolder(), 'var')
  const file = join(folder, 'up.json')
  await mkdir(folder, { mode: 0o700 })
  await writeFile(file, 'text', { mode: 0o600 })
  return { folder, file }
}
const refusal = (why: RegExp) => ({ code: 'bad_config', message: expect.stringMatching(why) })

describe('a file that is found', () => {
  it('is believed where nobody but this user can have written it', async () => {
    const { folder, file } = await found()
    expect(await readTrustedFile(file)).toBe('text')
    await chmod(file, 0o644)
    await chmod(folder, 0o755)
    expect(await readTrustedFile(file)).toBe('text')
    await requireTrustedFile(file)
  })

  it('is believed from root, by anybody', async () => {
    const { file } = await found()
    if (process.getuid!() !== 0) return expect(await readTrustedFile('/etc/passwd')).toContain('root')
    vi.spyOn(process, 'getuid').mockReturnValue(1000)
    expect(await readTrustedFile(file)).toBe('text')
  })

  it('is told of where this user may not look', async () => {
    const { folder, file } = await found()
    const isRoot = process.getuid!() === 0
    if (isRoot) process.seteuid!(65_534)
    else await chmod(folder, 0)
    onTestFinished(async () => {
      if (isRoot) process.seteuid!(0)
      else await chmod(folder, 0o700)
    })
    await expect(readTrustedFile(file)).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(`${file} may be there, but this user may not read it`),
    })
    expect(() => userOf(file)).toThrow('run the command as the user of that process')
  })

  it('is none where it is not there', async () => {
    const { folder } = await found()
    await chmod(folder, 0o777)
    expect(await readTrustedFile(join(folder, 'other'))).toBeUndefined()
    expect(await readTrustedFile('/nowhere/var/up.json')).toBeUndefined()
    await requireTrustedFile('/nowhere/var/up.json')
  })

  it('is refused from another user, with what to do', async () => {
    const { file } = await found()
    await giveToStranger(file)
    const another = refusal(
      /up\.json is not used, .*var.* belongs to another user \(uid \d+\).* run the command as that/,
    )
    await expect(readTrustedFile(file)).rejects.toMatchObject(another)
    await expect(requireTrustedFile(file)).rejects.toMatchObject(another)
  })

  it('is refused from the folder of another user', async () => {
    const { folder, file } = await found()
    await giveToStranger(folder)
    await expect(readTrustedFile(file)).rejects.toMatchObject(refusal(/var belongs to another user/))
  })

  it.each([
    ['the file', 0o660, 0o700, /others than its owner may write \S*up\.json \(mode 0660\).*chmod go-w \S*up\.json/],
    ['the file', 0o602, 0o700, /others than its owner may write \S*up\.json/],
    ['the folder', 0o600, 0o770, /others than its owner may write \S*var \(mode 0770\)/],
    ['the folder', 0o600, 0o1777, /others than its owner may write \S*var/],
  ])('is refused where others may write %s (%o, %o)', async (_what, mode, folderMode, why) => {
    const { folder, file } = await found()
    await chmod(file, mode)
    await chmod(folder, folderMode)
    await expect(readTrustedFile(file)).rejects.toMatchObject(refusal(why))
  })

  it('is refused behind a link that another user has made', async () => {
    const { folder } = await found()
    const link = join(await testFolder(), 'var')
    await symlink(folder, link)
    expect(await readTrustedFile(join(link, 'up.json'))).toBe('text')
    if (process.getuid!() === 0) await lchown(link, 65_534, 65_534)
    else await giveToStranger(link)
    await expect(readTrustedFile(join(link, 'up.json'))).rejects.toMatchObject(refusal(/belongs to another user/))
  })

  it('is refused, and not waited for, where it is a pipe', async () => {
    const { folder } = await found()
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    await expect(readTrustedFile(pipe)).rejects.toMatchObject(refusal(/is no file/))
  })
})
