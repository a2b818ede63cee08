import { appendFile, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { followFile } from '../../../src/execution/files/follow.ts'
import { testFolder } from '../../helpers/folder.ts'

it('a file that grows while it is opened is followed from where it ended, each line once', async () => {
  const path = join(await testFolder(), 'log')
  await writeFile(path, 'before\nhalf')
  const any = await open(path)
  const handles = Object.getPrototypeOf(any) as typeof any
  await any.close()
  const { stat } = handles
  let looked = 0
  const grown = vi.spyOn(handles, 'stat').mockImplementation(async function (this: typeof any, ...args) {
    const found = await stat.apply(this, args)
    // After the second look, which says where the end is.
    if (++looked === 2) await appendFile(path, ' a line\nsecond\n')
    return found
  } as typeof stat)
  onTestFinished(() => grown.mockRestore())
  const followed = await followFile(path)
  onTestFinished(() => followed.close())
  const lines: string[] = []
  for (let n = 0; n < 2; n++) await followed.lines(line => lines.push(line) > 0)
  expect(looked).toBeGreaterThanOrEqual(2)
  expect(lines).toEqual(['half a line', 'second'])
})
