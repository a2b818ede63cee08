// `reactor key <list|accept|reject|delete|finger|print|gen>`: the keys of minions, as salt-key has them.
import { Argument, type Command } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { KEY_STATES, type KeyState, SALT_KEY_LISTS } from '../../protocol/key.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { askMaster } from '../keys/ask-master.ts'
import { addChanges } from '../keys/change.ts'
import { addGen } from '../keys/gen.ts'
import { type Lists, listLines, only, stateNamed, statesIn, type Texts } from '../keys/lists.ts'
import { print, printJson } from '../out/print.ts'
import { withClient } from '../with-client.ts'

type Options = ClientOptions & { json?: boolean }

export const command: AddCommand = program => {
  const key = program
    .command('key')
    .description('the keys of minions: list, accept, reject, delete and compare them')
    .addHelpText(
      'after',
      '\nExit codes: 0, 1 no key matches or the question was answered with no, 64 nobody can be asked (give -y), 69 no master.',
    )
  addList(key)
  addChanges(key)
  addFinger(key)
  addPrint(key)
  addGen(key)
}

function addList(key: Command): void {
  withClientOptions(key.command('list').description('the ids by the state of their key'))
    .addArgument(
      new Argument('[state]', "only these; salt-key's words do as well: acc, un, pre, rej, den")
        .choices(['all', ...KEY_STATES])
        .argParser(stateNamed)
        .default('all'),
    )
    .option('--json', 'print {minions, minions_pre, minions_rejected, minions_denied} as JSON')
    .action((state: 'all' | KeyState, options: Options) =>
      withClient(options, async client => {
        const states = state === 'all' ? KEY_STATES : [state]
        const all = await askMaster<Lists>(client, 'key.list_all')
        if (options.json)
          return printJson(Object.fromEntries(states.map(one => [SALT_KEY_LISTS[one], all[SALT_KEY_LISTS[one]] ?? []])))
        print(listLines(all, states).join('\n'))
      }),
    )
}

function addFinger(key: Command): void {
  withClientOptions(
    key.command('finger').description("fingerprints of the keys, and that of the master's, which signs the logins"),
  )
    .argument('[glob]', 'of these ids', '*')
    .option('--hash <name>', 'the hash', 'sha256')
    .option('--json', 'print {local: {…}, minions: {id: fingerprint}, …} as JSON')
    .action((match: string, options: Options & { hash: string }) =>
      withClient(options, async client => {
        const hash_type = options.hash
        const master = await askMaster<{ local: Record<string, string> }>(client, 'key.finger_master', { hash_type })
        const found = only(await askMaster<Texts>(client, 'key.finger', { match, hash_type }), KEY_STATES)
        if (options.json) printJson({ ...master, ...found })
        else
          print(
            [
              'Local Keys:',
              ...Object.entries(master.local).map(([name, finger]) => `${name}:  ${finger}`),
              ...listLines(found, statesIn(found)),
            ].join('\n'),
          )
        if (statesIn(found).length === 0 && match !== '*') throw noKey(match)
      }),
    )
}

function addPrint(key: Command): void {
  withClientOptions(key.command('print').description('the public keys themselves'))
    .argument('<glob>', "an id, or a glob such as 'web*'")
    .option('--json', 'print {minions: {id: key}, …} as JSON')
    .action((match: string, options: Options) =>
      withClient(options, async client => {
        const found = only(await askMaster<Texts>(client, 'key.key_str', { match }), KEY_STATES)
        if (statesIn(found).length === 0) throw noKey(match)
        if (options.json) printJson(found)
        else print(listLines(found, statesIn(found)).join('\n'))
      }),
    )
}

const noKey = (match: string) =>
  new ReactorError('not_found', `'${match}' matches no key; 'reactor key list' shows those there are`)
