// The folder of an installation's accounts: the seeds of services, callout and local operator, and the config that a
// nats-server includes. Seeds that are there stay; the config is written anew, so that it fits this version.
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { accountsConfig } from './config.ts'
import { type Installation, makeIdentities } from './identities.ts'

export interface AccountsFolder {
  /** To be included in the config of every nats-server. It holds public keys alone. */
  config: string
  /** Whether the file was made, brought up to date, or fitted already. */
  outcome: 'made' | 'updated' | 'unchanged'
  namespace: string
  identities: Installation
  seedFile(name: string): string
}

const DEFAULT_NAMESPACE = 'reactor'
/** Says which namespace it is for, so that a second run does not change it by forgetting to name it. */
const HEADER = /^# Accounts of the namespace ([a-z0-9_-]{1,40})\b/

/** Throws `unwritable`, or `bad_config` on a file that holds no such seed or a namespace that is none. */
export async function writeAccounts(dir: string, wanted?: string): Promise<AccountsFolder> {
  const seedFile = (name: string) => join(resolve(dir), 'keys', `${name}.nk`)
  const config = join(resolve(dir), 'accounts.conf')
  try {
    await makeFolder(resolve(dir))
  } catch (error) {
    throw new ReactorError('unwritable', `cannot make the folder ${resolve(dir)}: ${errorMessage(error)}`)
  }
  const before = await readConfig(config)
  const namespace = wanted ?? HEADER.exec(before ?? '')?.[1] ?? DEFAULT_NAMESPACE
  if (!/^[a-z0-9_-]{1,40}$/.test(namespace))
    throw new ReactorError('bad_config', `'${namespace}' is no namespace: expected 1 to 40 of a-z, 0-9, '_' and '-'`)
  const identities = await makeIdentities(seedFile)
  const header = `# Accounts of the namespace ${namespace}: made by 'reactor accounts init', which writes it anew. No secrets.`
  const text = `${header}\n${accountsConfig(namespace, identities)}`
  if (text !== before) {
    try {
      await writeFile(config, text)
    } catch (error) {
      throw new ReactorError('unwritable', `cannot write ${config}: ${errorMessage(error)}`)
    }
  }
  const outcome = before === undefined ? 'made' : before === text ? 'unchanged' : 'updated'
  return { config, outcome, namespace, identities, seedFile }
}

async function readConfig(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ReactorError('unwritable', `cannot read ${file}: ${errorMessage(error)}`)
  }
}
