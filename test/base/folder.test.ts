import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../../src/base/folder.ts'
import { testFolder } from '../helpers/folder.ts'

describe('making a folder', () => {
  it('makes those above it too, and is content with one that is there', async () => {
    const path = join(await testFolder(), 'a', 'b', 'c')
    await Promise.all([makeFolder(path), makeFolder(path)])
    expect((await stat(path)).isDirectory()).toBe(true)
    await makeFolder(path)
  })

  it('ends with the reason where a file is in the way', async () => {
    const file = join(await testFolder(), 'file')
    await writeFile(file, '')
    await expect(makeFolder(file)).rejects.toThrow(/EEXIST/)
    await expect(makeFolder(join(file, 'below'))).rejects.toThrow(/EEXIST|ENOTDIR/)
  })

  it.runIf(process.platform === 'linux')('ends where nothing can be made, instead of trying for ever', async () => {
    await expect(makeFolder('/proc/reactor/data')).rejects.toThrow(/ENOENT|EACCES|EPERM/)
  })
})
