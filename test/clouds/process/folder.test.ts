import { mkdir, open, readdir, readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { LOG, lastWords, removeLeftovers, turnLog } from '../../../src/clouds/process/folder.ts'
import { testFolder } from '../../helpers/folder.ts'

it('the log of a machine is turned where it is too long, under those who write to it', async () => {
  const dir = await testFolder()
  const log = await open(join(dir, LOG), 'a')
  await log.write('one\n')
  await turnLog(dir, 100)
  expect(await readdir(dir)).toEqual([LOG])
  await log.write(`${'x'.repeat(200)}\n`)
  await turnLog(dir, 100)
  await log.write('the last\n')
  await log.close()
  expect(await readFile(join(dir, LOG), 'utf8')).toBe('the last\n')
  expect(await readFile(join(dir, `${LOG}.1`), 'utf8')).toMatch(/^one\nx{200}\n$/)
  expect(await lastWords(dir)).toBe('the last')
})

it('what is left of folders goes, but not one that is just being made', async () => {
  const dir = await testFolder()
  for (const name of ['.gone-1', '.new-1', '.new-2', 'vm1']) await mkdir(join(dir, name, 'more'), { recursive: true })
  await utimes(join(dir, '.new-1'), 1, 1)
  await removeLeftovers(dir)
  expect((await readdir(dir)).sort()).toEqual(['.new-2', 'vm1'])
  await removeLeftovers(join(dir, 'none'))
})
