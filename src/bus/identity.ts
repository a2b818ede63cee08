// nkeys on disk: a process's identity is a seed in a file of mode 0600.
import { readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createUser, fromSeed } from '@nats-io/nkeys'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'

/** The public nkey of the seed in `file`, made on first use. Throws `unwritable`, or `bad_config` on a file that holds no seed. */
export async function identityIn(file: string): Promise<string> {
  const seed = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ReactorError('unwritable', `cannot read the key ${file}: ${error.message}`)
  })
  if (seed === undefined) return createIdentity(file)
  try {
    return fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey()
  } catch (error) {
    throw new ReactorError(
      'bad_config',
      `${file} holds no nkey seed (${errorMessage(error)}); remove it to have a new one made`,
    )
  }
}

async function createIdentity(file: string): Promise<string> {
  const pair = createUser()
  try {
    await makeFolder(dirname(file))
    await writeFile(file, `${new TextDecoder().decode(pair.getSeed())}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new ReactorError('unwritable', `cannot write the key ${file}: ${errorMessage(error)}`)
  }
  return pair.getPublicKey()
}
