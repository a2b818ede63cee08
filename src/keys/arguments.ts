// What wheel functions about keys are given: which keys, and which of them count.
import { getHashes } from 'node:crypto'
import { z } from 'zod'
import { isPublicKey, type KeyState } from '../protocol/key.ts'

export const match = z.string().describe("glob over ids, or several with commas: 'web*,db1'")

export const dict = z
  .record(z.string(), z.union([z.array(z.string()), z.record(z.string(), z.string())]))
  .describe(
    'ids by list, as key.list_all has them: {"minions_pre": ["web1"]}; or with their keys, as key.key_str has them',
  )

export const id_ = z.string().describe("the minion's id")
export const pub = z.string().describe("the minion's public nkey: 'U' and 55 more characters")

/** Beside a glob. */
export const only = z
  .string()
  .refine(isPublicKey, "expected a public nkey: 'U' and 55 more characters")
  .optional()
  .describe('only where the key is this one: another that has come under the same id is not meant')

const flag = (what: string) => z.boolean().default(false).describe(what)
export const flags = {
  include_rejected: flag('also keys that were rejected'),
  include_accepted: flag('also keys that are accepted; whoever is connected with one is cut off'),
  include_denied: flag("also a denied key, which takes the place of the id's own"),
  reject_denied: flag('also denied keys'),
  force: flag('also where the id has another key, which is then forgotten'),
}

export const hash_type = z
  .string()
  .refine(name => getHashes().includes(name), 'no hash of that name is known here; sha256, sha512 and md5 are')
  .nullish()
  .describe('the hash, such as sha512 or md5; default: sha256')

/** By each of Salt's names and by our own. */
export const STATES: Readonly<Record<string, KeyState>> = {
  ...{ acc: 'accepted', accepted: 'accepted' },
  ...{ pre: 'pending', un: 'pending', unaccepted: 'pending', pending: 'pending' },
  ...{ rej: 'rejected', rejected: 'rejected', den: 'denied', denied: 'denied' },
}

export const state = z
  .enum(['all', ...Object.keys(STATES)])
  .describe('all, or accepted (acc), pending (pre, un, unaccepted), rejected (rej), denied (den)')
