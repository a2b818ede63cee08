// `reactor reactions list|show|counts|retry|drop|approve|deny`
import type { Command } from 'commander'
import { createReactionHistory } from '../../cache/client.ts'
import type { ReactionView } from '../../protocol/reaction-view.ts'
import { wholeNumber } from '../call/request.ts'
import { type Client, type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'
import { addActs } from '../reactions/act.ts'
import {
  collect,
  type Filters,
  isFiltered,
  listReactions,
  requestOf,
  showReaction,
  withFilters,
} from '../reactions/request.ts'
import { countsTable, reactionsTable, reactionText } from '../reactions/table.ts'
import { withClient } from '../with-client.ts'

interface ListOptions extends ClientOptions, Filters {
  limit: number
  json?: boolean
}
type JsonOptions = ClientOptions & { json?: boolean }

/** One page: so many that wait for a person are counted, however few are shown. */
const COUNTED = 1000

export const command: AddCommand = program => {
  const reactions = program
    .command('reactions')
    .description('what rules asked for and what became of it: list, show, count, retry, drop, approve and deny')
    .addHelpText(
      'after',
      '\nStates: waiting (to be executed), retrying, parked and held (for a person), done, dropped, suppressed.' +
        '\nExit codes: 0, 1 there is no such reaction, or one was left as it is; 64 a wrong command line; 69 nothing answers.',
    )
  addList(reactions)
  addShow(reactions)
  addCounts(reactions)
  addActs(reactions)
}

function addList(reactions: Command): void {
  withFilters(
    withClientOptions(
      reactions
        .command('list')
        .description('reactions, newest first; without a filter those first that wait for a person'),
    ),
  )
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .option('--json', 'print {reactions, more} as JSON')
    .action(async (options: ListOptions) => {
      const request = requestOf(options)
      await withClient(options, async client => {
        const found = isFiltered(options)
          ? { ...(await listReactions(client, request, options.limit)), open: [], hint: undefined }
          : await openFirst(client, options.limit)
        const { open, hint, reactions: all, more, partial } = found
        if (partial)
          process.stderr.write(
            'no job worker answers: what waits to be executed, or was parked just now, is not shown\n',
          )
        if (options.json) return printJson({ reactions: [...open, ...all], more })
        if (open.length + all.length === 0) return void process.stderr.write('no reactions\n')
        const show = (some: readonly ReactionView[]) => print(reactionsTable(some, Date.now(), tableLook()).join('\n'))
        if (open.length > 0) show(open)
        if (open.length > 0 && all.length > 0) print('')
        if (all.length > 0) show(all)
        if (hint !== undefined) process.stderr.write(`${hint}\n`)
        // Those that wait may be older than what is left out.
        const many = open.length > 0 ? `only ${open.length + all.length} shown` : `the newest ${all.length}`
        if (more) process.stderr.write(`${many}; --limit shows more\n`)
      })
    })
}

/** What waits for a person, then the newest others. */
async function openFirst(client: Client, limit: number) {
  const waiting = await listReactions(client, { state: ['parked', 'held'] }, Math.max(limit, COUNTED))
  const open = waiting.reactions.slice(0, limit)
  const shown = new Set(open.map(({ key }) => key))
  const newest = await listReactions(client, {}, limit)
  const others = newest.reactions.filter(({ key }) => !shown.has(key))
  const reactions = others.slice(0, Math.max(0, limit - open.length))
  const more = waiting.more || open.length < waiting.reactions.length || newest.more || reactions.length < others.length
  return { open, hint: hintOf(waiting), reactions, more, partial: newest.partial }
}

/** Undefined: none waits. */
function hintOf({ reactions, more }: { reactions: readonly ReactionView[]; more: boolean }): string | undefined {
  const held = reactions.filter(({ state }) => state === 'held').length
  const parked = reactions.length - held
  const parts = [
    ...(parked > 0 ? [`${parked} parked: retry or drop`] : []),
    ...(held > 0 ? [`${held} held: approve or deny`] : []),
  ]
  if (parts.length === 0) return undefined
  return `waiting for a person: ${more ? 'at least ' : ''}${parts.join('; ')} (reactor reactions show KEY tells why)`
}

function addShow(reactions: Command): void {
  withClientOptions(
    reactions.command('show').description('all that is known of one: why, its attempts, event and actions'),
  )
    .argument('<key>')
    .option('--json', 'print it as JSON')
    .action((key: string, options: JsonOptions) =>
      withClient(options, async client => {
        const shown = await showReaction(client, key)
        if (options.json) return printJson(shown)
        print(reactionText(shown, Date.now(), tableLook()).join('\n'))
      }),
    )
}

function addCounts(reactions: Command): void {
  withClientOptions(
    reactions.command('counts').description('how many of each rule came to which end, since the cache was made'),
  )
    .option('--rule <name>', 'of this rule; given again, of one of them', collect)
    .option('--json', 'print {rules: [{rule, states, suppressed, …}]} as JSON')
    .action((options: JsonOptions & { rule?: string[] }) =>
      withClient(options, async ({ bus }) => {
        const all = await createReactionHistory(bus.nc, bus.subjects).rules()
        const rules = all.filter(({ rule }) => options.rule === undefined || options.rule.includes(rule))
        if (options.json) return printJson({ rules })
        if (rules.length === 0) return void process.stderr.write('no reactions\n')
        print(countsTable(rules, Date.now(), tableLook()).join('\n'))
      }),
    )
}
