// `reactor key accept`, `reject` and `delete`: shows which keys are meant, asks, and has exactly those changed.
import type { Command } from 'commander'
import { cleanText } from '../../base/clean.ts'
import { ReactorError } from '../../base/errors.ts'
import { fingerprint, type KeyState } from '../../protocol/key.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import { print, printJson } from '../out/print.ts'
import { withClient } from '../with-client.ts'
import { confirmed } from './ask.ts'
import { askMaster } from './ask-master.ts'
import { idsIn, type Lists, listLines, only, statesIn, type Texts } from './lists.ts'

interface Options extends ClientOptions {
  all?: boolean
  includeAccepted?: boolean
  includeRejected?: boolean
  includeDenied?: boolean
  yes?: boolean
  json?: boolean
}

interface Change {
  name: 'accept' | 'reject' | 'delete'
  done: string
  description: string
  /** In which states it takes keys. */
  from(options: Options): KeyState[]
  /** Arguments beside the keys. */
  kwarg(options: Options): Record<string, unknown>
}

const CHANGES: readonly Change[] = [
  {
    name: 'accept',
    done: 'accepted',
    description: 'let minions in whose key waits',
    from: options => [
      'pending',
      ...(options.includeRejected ? (['rejected'] as const) : []),
      ...(options.includeDenied ? (['denied'] as const) : []),
    ],
    kwarg: options => ({
      include_rejected: options.includeRejected ?? false,
      include_denied: options.includeDenied ?? false,
    }),
  },
  {
    name: 'reject',
    done: 'rejected',
    description: 'keep minions out whose key waits',
    from: options => [
      'pending',
      ...(options.includeAccepted ? (['accepted'] as const) : []),
      ...(options.includeDenied ? (['denied'] as const) : []),
    ],
    kwarg: options => ({
      include_accepted: options.includeAccepted ?? false,
      include_denied: options.includeDenied ?? false,
    }),
  },
  {
    name: 'delete',
    done: 'deleted',
    description: 'forget keys in any state; who is connected with one is cut off',
    from: () => ['accepted', 'pending', 'rejected', 'denied'],
    kwarg: () => ({}),
  },
]

export function addChanges(key: Command): void {
  for (const change of CHANGES) {
    const command = withClientOptions(key.command(change.name).description(change.description))
      .argument('[glob]', "whose keys: an id, or a glob such as 'web*'")
      .option('--all', 'the keys of all ids')
    if (change.name === 'reject') command.option('--include-accepted', 'also keys that are accepted: it cuts them off')
    if (change.name === 'accept') command.option('--include-rejected', 'also keys that were rejected')
    if (change.name !== 'delete')
      command.option('--include-denied', "also a second key that came for a known id, in place of that id's own")
    command
      .option('-y, --yes', 'do not ask')
      .option('--json', 'print the ids that were changed, by list, as JSON')
      .action((glob: string | undefined, options: Options) => run(change, glob, options))
  }
}

async function run(change: Change, glob: string | undefined, options: Options): Promise<void> {
  if ((glob === undefined) !== (options.all ?? false))
    throw new ReactorError('usage', `key ${change.name} needs an id, a glob, or --all`)
  const match = glob ?? '*'
  await withClient(options, async client => {
    const states = change.from(options)
    const found = await askMaster<Texts>(client, 'key.key_str', { match })
    const meant = only(found, states)
    if (statesIn(meant).length === 0) throw nothingMatches(match, states, nearby(change.name, found))
    if (!options.json || !options.yes)
      process.stderr.write(
        `The following keys are going to be ${change.done}:\n${listLines(fingers(meant), statesIn(meant), terminalLook().colour && process.stderr.isTTY).join('\n')}\n`,
      )
    if (!(await confirmed('Proceed?', options.yes ?? false))) {
      process.stderr.write('nothing was changed\n')
      process.exitCode = 1
      return
    }
    // Those very keys, not the glob or the ids: a key that has come since was not shown.
    const changed = await askMaster<Lists>(client, `key.${change.name}_dict`, {
      match: meant,
      ...change.kwarg(options),
    })
    const done = new Set(Object.values(changed).flat())
    if (options.json) printJson(changed)
    else for (const id of done) print(`Key for minion ${cleanText(id)} ${change.done}.`)
    const left = new Set(statesIn(meant).flatMap(state => idsIn(meant, state).filter(id => !done.has(id))))
    if (left.size > 0) throw changedMeanwhile(change, [...left])
  })
}

const fingers = (keys: Texts): Texts =>
  Object.fromEntries(
    Object.entries(keys).map(([list, known]) => [
      list,
      Object.fromEntries(Object.entries(known).map(([id, nkey]) => [id, fingerprint(nkey)])),
    ]),
  )

const changedMeanwhile = (change: Change, left: readonly string[]) =>
  new ReactorError(
    'not_found',
    `not ${change.done}, because it is not what was shown any more: the key of ${left.join(', ')}; look at it with 'reactor key finger'`,
  )

const nothingMatches = (match: string, states: readonly KeyState[], nearby: string | undefined) =>
  new ReactorError(
    'not_found',
    `'${match}' matches no ${states.length < 4 ? `${listWords(states)} ` : ''}key; ${nearby ?? "'reactor key list' shows those there are"}`,
  )

const OPTIONS: Readonly<Record<string, Partial<Record<KeyState, string>>>> = {
  accept: { rejected: '--include-rejected', denied: '--include-denied' },
  reject: { accepted: '--include-accepted', denied: '--include-denied' },
}

/** Of what matched in other states: in which, and the option that takes it as well. Undefined: nothing did. */
export function nearby(command: string, found: Texts): string | undefined {
  const states = statesIn(found)
  if (states.length === 0) return undefined
  const options = states.flatMap(state => OPTIONS[command]?.[state] ?? [])
  return `it matches ${states.join(' and ')} ones${options.length === 0 ? '' : `: give ${options.join(' or ')} to take those as well`}`
}

const listWords = (states: readonly KeyState[]): string => states.join(' or ')
