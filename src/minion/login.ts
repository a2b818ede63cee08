// How a minion logs in: under its id, with a key that it makes itself, and what the master may want to know of it besides.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { BusOptions } from '../bus/connect.ts'
import { identityIn } from '../bus/identity.ts'
import type { Config } from '../config/schema.ts'
import { lookup } from '../grains/lookup.ts'
import { fingerprint } from '../protocol/key.ts'
import { encodeMinionLogin, MAX_LOGIN, minionUser } from '../protocol/login.ts'

type Login = Required<Pick<BusOptions, 'seedFile'>> & Pick<BusOptions, 'user' | 'password' | 'refusedAdvice'>

/** Where the minion's key lies; it is made there at its first start. */
export const minionSeedFile = ({ seed, minion }: Pick<Config, 'seed' | 'minion'>): string =>
  seed ?? join(minion.dir, 'minion.nk')

/**
 * The login of this machine's minion, its key made where there is none. On a server without accounts there are no keys.
 * Throws what `identityIn` throws, and `bad_config` on a join token or grains that cannot be sent.
 */
export async function minionLogin(config: Config, grains: Record<string, unknown>, log: Log): Promise<Login> {
  if (config.isolation === 'none') return { seedFile: config.seed }
  const { id, join: joinBy, autosign_grains } = config.minion
  const seedFile = minionSeedFile(config)
  const nkey = await identityIn(seedFile)
  const token = joinBy === undefined ? undefined : await joinToken(joinBy, log)
  const shown = grainsAsText(autosign_grains, grains, log)
  const password = encodeMinionLogin({
    ...(token === undefined ? {} : { join: token }),
    ...(Object.keys(shown).length > 0 ? { grains: shown } : {}),
  })
  if (password.length > MAX_LOGIN)
    throw new ReactorError(
      'bad_config',
      `the join token and the grains named in minion.autosign_grains are too long for a login: ${password.length} characters encoded, ${MAX_LOGIN} at most`,
    )
  return {
    seedFile,
    user: minionUser(id),
    password,
    refusedAdvice: `the master has to accept the key of this minion: 'reactor key accept ${id}' there (fingerprint ${fingerprint(nkey)}); a key that was rejected or denied looks the same from here${token === undefined ? '' : ', and so does a join token that is used up, expired or for other ids: the log of the master says which'}`,
  }
}

async function joinToken(given: string, log: Log): Promise<string | undefined> {
  if (!given.startsWith('@')) return given
  const file = given.slice(1)
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ReactorError('bad_config', `cannot read the join token in ${file}: ${errorMessage(error)}`)
    // A token that has done its work may be gone.
    log.warn({ file }, 'there is no file with a join token any more; logging in by the key alone')
    return undefined
  }
  if (text !== '') return text
  throw new ReactorError('bad_config', `the file ${file} for the join token is empty: write the token into it`)
}

/** Texts, numbers and truth values; what else a grain may be has no line in a file of the master. */
function grainsAsText(names: readonly string[], grains: Record<string, unknown>, log: Log): Record<string, string> {
  const texts = names.flatMap((name): [string, string][] => {
    const value = lookup(grains, name, undefined)
    if (['string', 'number', 'boolean'].includes(typeof value)) return [[name, String(value)]]
    log.warn({ grain: name }, 'a grain of minion.autosign_grains is not there or no plain value, and is not sent')
    return []
  })
  return Object.fromEntries(texts)
}
