import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createHashes } from '../../src/files/hashes.ts'
import { createReader } from '../../src/files/reader.ts'
import { filesIn, rootsOf } from './files.ts'

it('keeps chunks for who reads the same, and not as many as somebody who reads byte by byte makes of a file', async () => {
  const dir = await filesIn({ f: 'x'.repeat(20_000) })
  const roots = rootsOf({ base: [dir] })
  const file = await open(join(dir, 'f'))
  const reads = vi.spyOn(file, 'read')
  const hashes = createHashes()
  const reader = createReader({ ...roots, open: async () => ({ file, path: join(dir, 'f') }) }, hashes)
  onTestFinished(() => reader.close())
  const { hsum } = await hashes.of(file, 'f')
  const at = (offset: number) => reader.read({ path: 'f', saltenv: 'base', hsum, offset, length: 1 })
  const readsOf = async (offset: number) => {
    const before = reads.mock.calls.length
    expect(Buffer.from((await at(offset))!).toString()).toBe('x')
    return reads.mock.calls.length - before
  }
  await at(0)
  expect(await readsOf(0)).toBe(0)
  for (let offset = 0; offset < 20_000; offset++) await at(offset)
  expect(await readsOf(19_999)).toBe(0)
  expect(await readsOf(0)).toBe(1)
})
