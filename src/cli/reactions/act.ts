// `reactor reactions retry`, `drop`, `approve` and `deny`: by key, or all that filters mean, which are shown and asked about
// first.
import type { Command } from 'commander'
import { cleanText } from '../../base/clean.ts'
import { ReactorError } from '../../base/errors.ts'
import type { ReactionOperation, ReactionResult, ReactionState } from '../../protocol/reaction-view.ts'
import type { Client, ClientOptions } from '../client.ts'
import { withClientOptions } from '../client.ts'
import { tableLook } from '../jobs/table.ts'
import { confirmed } from '../keys/ask.ts'
import { print, printJson } from '../out/print.ts'
import { withClient } from '../with-client.ts'
import { actOn, type Filters, isFiltered, listReactions, MOST_AT_ONCE, requestOf, withFilters } from './request.ts'
import { reactionsTable } from './table.ts'

interface Act {
  name: ReactionOperation
  done: string
  description: string
  /** What it is meant for, unless a state is named, and may be meant for. */
  states: readonly ReactionState[]
  others?: readonly ReactionState[]
}

const ACTS: readonly Act[] = [
  {
    name: 'retry',
    done: 'retried',
    description: 'run parked reactions again, and those that wait for another attempt now',
    states: ['parked'],
    others: ['retrying'],
  },
  {
    name: 'drop',
    done: 'dropped',
    description: 'let go of reactions that wait: to be executed, for another attempt, or for a person',
    states: ['parked', 'held', 'retrying', 'waiting'],
  },
  { name: 'approve', done: 'approved', description: 'run reactions that are held for approval', states: ['held'] },
  { name: 'deny', done: 'denied', description: 'let go of reactions that are held for approval', states: ['held'] },
]

interface Options extends ClientOptions, Filters {
  yes?: boolean
  json?: boolean
}

export function addActs(reactions: Command): void {
  for (const act of ACTS)
    withFilters(
      withClientOptions(reactions.command(act.name).description(act.description)).argument(
        '[keys...]',
        "keys of reactions, as 'reactor reactions list' shows them",
      ),
      [...act.states, ...(act.others ?? [])],
    )
      .option('-y, --yes', 'do not ask where filters mean several')
      .option('--json', 'print {results: [{key, ok, was, comment}]} as JSON')
      .action((keys: string[], options: Options) => run(act, keys, options))
}

async function run(act: Act, keys: string[], options: Options): Promise<void> {
  if (keys.length > 0 === isFiltered(options))
    throw new ReactorError('usage', `reactions ${act.name} needs keys, or --rule, --state or --since, and not both`)
  await withClient(options, async client => {
    const meant = keys.length > 0 ? keys : await chosen(act, client, options)
    if (meant === undefined) return
    const results = await actOn(client, act.name, meant)
    tell(act, results, options)
    if (results.some(({ ok }) => !ok)) process.exitCode = 1
  })
}

const SHOWN = 20

/** Those very ones that were shown: what comes since is not meant. Undefined: the answer was no. */
async function chosen(act: Act, client: Client, options: Options): Promise<string[] | undefined> {
  const request = { state: [...act.states], ...requestOf(options) }
  const { reactions, more } = await listReactions(client, request, MOST_AT_ONCE)
  if (reactions.length === 0)
    throw new ReactorError('not_found', `no reaction that fits is ${[request.state].flat().join(' or ')}`)
  if (!options.yes) {
    const lines = reactionsTable(reactions.slice(0, SHOWN), Date.now(), tableLook())
    if (reactions.length > SHOWN) lines.push(`… and ${reactions.length - SHOWN} more`)
    process.stderr.write(`These reactions are going to be ${act.done}:\n${lines.join('\n')}\n`)
  }
  if (more) process.stderr.write(`these are the newest ${reactions.length}; there are more\n`)
  if (await confirmed('Proceed?', options.yes ?? false)) return reactions.map(({ key }) => key)
  process.stderr.write('nothing was changed\n')
  process.exitCode = 1
  return undefined
}

function tell(act: Act, results: readonly ReactionResult[], { json }: Options): void {
  if (json) {
    printJson({ results })
    return
  }
  const done = results.filter(({ ok }) => ok)
  if (done.length > 0 && done.length <= SHOWN)
    print(done.map(({ key, comment }) => `${cleanText(key)}: ${cleanText(comment)}`).join('\n'))
  else if (done.length > 0) print(`${done.length} reactions were ${act.done}`)
  for (const { key, ok, comment } of results)
    if (!ok) process.stderr.write(`${cleanText(key)}: not ${act.done}: ${cleanText(comment)}\n`)
}
