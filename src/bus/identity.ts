// nkeys on disk: a process's identity is a seed in a file of mode 0600.
import { createAccount, createUser, fromSeed } from '@nats-io/nkeys'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { readSeed, writeSeed } from './seed.ts'

/** What a key is for: a user logs in with it, an account signs the logins of others. */
const KINDS = {
  user: { letter: 'U', create: createUser },
  account: { letter: 'A', create: createAccount },
} as const
export type KeyKind = keyof typeof KINDS

/**
 * The public nkey of the seed in `file`, made on first use. Throws `unwritable`, `unreadable`, or `bad_config` on a file
 * that others may read, that holds no seed, or one of another kind.
 */
export async function identityIn(file: string, kind: KeyKind = 'user'): Promise<string> {
  const nkey = await publicKeyIn(file, kind)
  if (nkey !== undefined) return nkey
  const made = makeKey(kind)
  if (await writeSeed(file, made.seed)) return made.nkey
  // Another process has made it meanwhile.
  const others = await publicKeyIn(file, kind)
  if (others !== undefined) return others
  throw new ReactorError('unwritable', `${file} is a link that leads nowhere: remove it to have a key made`)
}

/** The same, of a file that is there; undefined where it is not. */
export async function publicKeyIn(file: string, kind: KeyKind = 'user'): Promise<string | undefined> {
  const seed = await readSeed(file)
  if (seed === undefined) return undefined
  const nkey = publicKeyOf(seed, file)
  if (nkey.startsWith(KINDS[kind].letter)) return nkey
  throw new ReactorError(
    'bad_config',
    `${file} holds the seed of something other than ${kind === 'user' ? 'a user' : 'an account'}: give it a seed that begins with S${KINDS[kind].letter}, or remove it to have a new one made`,
  )
}

/** A new key: its public nkey and its seed. */
export function makeKey(kind: KeyKind = 'user'): { nkey: string; seed: string } {
  const pair = KINDS[kind].create()
  return { nkey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) }
}

function publicKeyOf(seed: string, file: string): string {
  try {
    return fromSeed(new TextEncoder().encode(seed)).getPublicKey()
  } catch (error) {
    throw new ReactorError(
      'bad_config',
      `${file} holds no nkey seed (${errorMessage(error)}); remove it to have a new one made`,
    )
  }
}
