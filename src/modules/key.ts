// Module `key`: the key that this minion logs in with.
import { getHashes } from 'node:crypto'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { execution } from '../functions/define.ts'
import { fingerprint } from '../protocol/key.ts'

const hashType = z
  .string()
  .refine(name => getHashes().includes(name), 'no hash of that name is known here; sha256, sha512 and md5 are')
  .default('sha256')
  .describe('the hash, such as sha256 or md5')

export const finger = execution({
  doc: `Returns the fingerprint of this minion's key, to be held against the one that the master shows.
    Example: reactor local key.finger`,
  args: { hash_type: hashType },
  idempotent: true,
  async run({ hash_type }, { publicKey }) {
    const nkey = await publicKey()
    if (nkey !== undefined) return fingerprint(nkey, hash_type)
    throw new ReactorError('not_found', 'this minion has no key yet: it makes one at its first start')
  },
})
