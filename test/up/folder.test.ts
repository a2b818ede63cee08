import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  openDataFolder,
  readUpFile,
  removeUpFile,
  requireUnused,
  type UpFile,
  writeUpFile,
} from '../../src/up/folder.ts'
import { testFolder } from '../helpers/folder.ts'
import { giveToStranger } from '../helpers/stranger.ts'

afterEach(() => void vi.restoreAllMocks())

const file = (pid: number): UpFile => ({
  server: 'nats://127.0.0.1:1',
  namespace: 'reactor',
  user: 'admin',
  pid,
  minion: { config: '/var/run/config.json' },
})

describe('the data folder', () => {
  it('is made, for its owner alone', async () => {
    const path = join(await testFolder(), 'deep/var')
    const folder = await openDataFolder(path)
    for (const dir of ['nats', 'keys', 'run', 'minion'])
      expect((await stat(join(path, dir))).mode & 0o777, dir).toBe(0o700)
    expect(folder.key('admin')).toBe(join(path, 'keys/admin.nk'))
    await openDataFolder(path)
  })

  it('is refused where it cannot be one, with what to do', async () => {
    const path = join(await testFolder(), 'file')
    await writeFile(path, '')
    await expect(openDataFolder(path)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringMatching(/the data folder .*file cannot be written .*--data DIR/),
    })
  })
})

describe('what a reactor up leaves for commands', () => {
  it('is read back, and gone with it', async () => {
    const folder = await openDataFolder(await testFolder())
    expect(await readUpFile(folder.path)).toBeUndefined()
    await writeUpFile(folder, file(process.pid))
    expect(await readUpFile(folder.path)).toEqual(file(process.pid))
    expect((await stat(join(folder.path, 'up.json'))).mode & 0o777).toBe(0o600)
    await removeUpFile(folder)
    await removeUpFile(folder)
    expect(await readUpFile(folder.path)).toBeUndefined()
  })

  it('is not taken from a stranger, who keeps no reactor out of the folder by it either', async () => {
    const folder = await openDataFolder(await testFolder())
    await writeUpFile(folder, file(2 ** 30))
    await giveToStranger(join(folder.path, 'up.json'))
    await expect(readUpFile(folder.path)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('belongs to another user'),
    })
    await requireUnused(folder)
  })

  it('keeps a second one out of the folder while the first lives', async () => {
    const folder = await openDataFolder(await testFolder())
    await requireUnused(folder)
    await writeUpFile(folder, file(process.ppid))
    await expect(requireUnused(folder)).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`pid ${process.ppid}`),
    })
    // No process has such a pid: the first was killed.
    await writeUpFile(folder, file(2 ** 30))
    await requireUnused(folder)
  })

  it.each(['{"server": ', 'null', '[]', '{"server": 5}'])('is said to be damaged where it is: %s', async text => {
    const folder = await openDataFolder(await testFolder())
    await writeFile(join(folder.path, 'up.json'), text)
    await expect(readUpFile(folder.path)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/up\.json is damaged/),
    })
    expect(await readFile(join(folder.path, 'up.json'), 'utf8')).toBe(text)
  })
})
