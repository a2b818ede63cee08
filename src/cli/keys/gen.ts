// `reactor key gen`: a key for a minion that does not exist yet. It is made here; the master is given its public half alone.
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { makeKey } from '../../bus/identity.ts'
import { writeSeed } from '../../bus/seed.ts'
import { fingerprint, minionIdProblem } from '../../protocol/key.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import { print, printJson } from '../out/print.ts'
import { withClient } from '../with-client.ts'
import { askMaster } from './ask-master.ts'

interface Options extends ClientOptions {
  accept?: boolean
  force?: boolean
  out?: string
  json?: boolean
}

export function addGen(key: Command): void {
  withClientOptions(key.command('gen').description('make the key of a minion that does not exist yet'))
    .argument('<id>', "the minion's id")
    .option('--accept', 'have the master accept it now')
    .option('--force', 'with --accept: also where the id has another key, which is then forgotten')
    .option('--out <file>', 'where the seed goes, with mode 0600 (default: <id>.nk)')
    .option('--json', 'print {id, file, nkey, fingerprint, accepted} as JSON')
    .action(run)
}

async function run(id: string, options: Options): Promise<void> {
  const problem = minionIdProblem(id)
  if (problem !== undefined) throw new ReactorError('usage', `'${id}' is no id: ${problem}`)
  if (options.force && !options.accept) throw new ReactorError('usage', '--force goes with --accept')
  const file = resolve(options.out ?? `${id}.nk`)
  const { nkey, seed } = makeKey()
  if (!(await writeSeed(file, seed)))
    throw new ReactorError('unwritable', `${file} is there already: name another file with --out, or remove that one`)
  if (options.accept) {
    try {
      await withClient(options, client => {
        return askMaster(client, 'key.accept_key', { id_: id, pub: nkey, force: options.force ?? false })
      })
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
  }
  const finger = fingerprint(nkey)
  const accepted = options.accept ?? false
  if (options.json) return printJson({ id, file, nkey, fingerprint: finger, accepted })
  print(`public key   ${nkey}`)
  print(`fingerprint  ${finger}`)
  print(`seed         ${file}`)
  process.stderr.write(
    `${accepted ? 'The key is accepted. ' : ''}Put the seed on the minion as minion.nk in its folder (mode 0600), or name it with --seed.\n`,
  )
}
