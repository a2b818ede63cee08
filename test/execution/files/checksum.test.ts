import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findChecksum } from '../../../src/execution/files/checksum.ts'
import type { StateContext } from '../../../src/functions/state-context.ts'
import { testFolder } from '../../helpers/folder.ts'

const hash = (type: string, text = 'x') => createHash(type).update(text).digest('hex')

/** `sums`: what the file of hashes holds, of which the path is salt://SUMS. */
async function found(source_hash: string, sums = '', source_hash_name?: string) {
  const file = join(await testFolder(), 'SUMS')
  await writeFile(file, sums)
  const context = {
    state: { saltenv: 'base' },
    files: { cache: async (path: string) => (path === 'SUMS' ? file : undefined) },
  } as unknown as StateContext
  const asked = { source_hash, source_hash_name, source: 'https://x/pkg.tar.gz?v=1', name: '/srv/local.tgz' }
  return findChecksum(asked, context)
}

describe('a source_hash', () => {
  it.each(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])(
    'is a hash of type %s, named or by its length',
    async type => {
      const expected = { hash_type: type, hsum: hash(type) }
      expect(await found(hash(type))).toEqual(expected)
      expect(await found(`${type}=${hash(type)}`)).toEqual(expected)
      expect(await found(`${type.toUpperCase()}:${hash(type).toUpperCase()}`)).toEqual(expected)
    },
  )

  it.each(['abc', 'sha256=abc', `md5=${hash('sha256')}`, 'sums.txt', ''])('is not %j', async text => {
    await expect(found(text)).rejects.toThrow(/format is invalid\. The supported formats are/)
  })

  it('is the line of a file that names the source, or the file to be written, or the first there is', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map(text => hash('sha256', text))
    const value = async (...args: Parameters<typeof found>) => (await found(...args)).hsum
    expect(await value('salt://SUMS', `# sums\n${a}  other.tar.gz\n${b} *dist/pkg.tar.gz\n`)).toBe(b)
    expect(await value('salt://SUMS', `${a}  other\n${b}  local.tgz\n`)).toBe(b)
    expect(await value('salt://SUMS', `SHA256 (other) = ${a}\n`)).toBe(a)
    expect(await value('salt://SUMS', `pkg.tar.gz sha256=${c}\n`)).toBe(c)
    expect(await value('salt://SUMS', `${a}  one\n${b}  two\n`, 'two')).toBe(b)
    expect(await value('salt://SUMS', `MD5 (a) = ${hash('md5')}\nSHA256 (pkg.tar.gz) = ${b}\n`)).toBe(b)
    expect(await value('salt://SUMS', `${a}  one two\n${b}  two\n`, 'one two')).toBe(a)
    expect(await value('salt://SUMS', `${a}  pkg.tar.gz.asc\n${b}  pkg.tar.gz\n`)).toBe(b)
    // The better of two for the same name.
    expect(await found('salt://SUMS', `${hash('md5')} pkg.tar.gz\n${a} pkg.tar.gz\n`)).toMatchObject({
      hash_type: 'sha256',
    })
  })

  it('fails where the file is missing, names the file not, or has no hash in it', async () => {
    const a = hash('sha256')
    await expect(found('salt://NONE')).rejects.toThrow('Source hash file salt://NONE not found')
    await expect(found('salt://SUMS', `${a}  one\n`, 'two')).rejects.toThrow('has no hash for two')
    await expect(found('salt://SUMS', 'nothing here\n')).rejects.toThrow('contains an invalid hash format')
  })
})
