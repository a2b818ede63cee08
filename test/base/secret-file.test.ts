import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readSecretFile } from '../../src/base/secret-file.ts'
import { testFolder } from '../helpers/folder.ts'

it('a secret is read as it is, where its owner alone can', async () => {
  const file = join(await testFolder(), 'secret')
  await writeFile(file, ' sesame\n', { mode: 0o400 })
  expect(await readSecretFile(file, 'the secret')).toBe(' sesame\n')
})

it('a secret that is not there is none', async () => {
  expect(await readSecretFile(join(await testFolder(), 'secret'), 'the secret')).toBeUndefined()
})

it.each([0o640, 0o604, 0o620])('a secret that others can reach (%o) is refused, with what to do', async mode => {
  const file = join(await testFolder(), 'secret')
  await writeFile(file, 'sesame')
  await chmod(file, mode)
  await expect(readSecretFile(file, 'the secret', ', or make a new one')).rejects.toMatchObject({
    code: 'bad_config',
    message: `others than its owner may read the secret ${file} (mode 0${mode.toString(8)}), so it is not used: run 'chmod 600 ${file}', or make a new one`,
  })
})

it('what cannot be read as a secret is said', async () => {
  const folder = join(await testFolder(), 'secret')
  await mkdir(folder, { mode: 0o700 })
  await expect(readSecretFile(folder, 'the secret')).rejects.toMatchObject({
    code: 'unreadable',
    message: expect.stringContaining(`cannot read the secret ${folder}`),
  })
})
