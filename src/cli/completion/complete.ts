// `reactor __complete <word>…`: what the last word may become, one candidate a line, with a tab before what it is. The
// shells' scripts call it; it never fails and never says a word on stderr.
import { Command, type Option } from 'commander'
import type { ClientOptions } from '../client.ts'
import { COMMANDS } from '../commands.ts'
import { ALL_KINDS, FUNCTION_KINDS } from '../function-kinds.ts'
import { TARGET_TYPES } from '../target-types.ts'
import { readTyped, type Typed } from './typed.ts'

export interface Candidate {
  value: string
  /** What it is, in a few words. */
  what?: string
}

/** What a running system, or the shipped functions, have to offer. */
export interface Offers {
  functions(kind: (typeof ALL_KINDS)[number]): Promise<Candidate[]>
  minions(options: ClientOptions): Promise<Candidate[]>
  jids(options: ClientOptions): Promise<Candidate[]>
  contexts(): Promise<Candidate[]>
  queues(options: ClientOptions): Promise<Candidate[]>
}

/** Candidates that begin as the last word does. `words` is what stands behind `reactor`; the last one may be empty. */
export async function complete(words: readonly string[], offers: Offers): Promise<Candidate[]> {
  const typed = words.at(-1) ?? ''
  const current = typed.replace(/^['"]/, '')
  const [name, ...rest] = words.slice(0, -1).filter((word, i) => i > 0 || !word.startsWith('-'))
  const found = name === undefined ? firstWord(current) : await laterWord(name, rest, current, offers)
  return found.filter(({ value }) => value.startsWith(current) && SAFE.test(value))
}

/** Others choose minion ids: nothing that a shell would read as more than a word goes into a command line. */
const SAFE = /^[\w.@:+,=/-]+$/

const HELP: Candidate = { value: '--help', what: 'show the help' }

function firstWord(current: string): Candidate[] {
  if (current.startsWith('-')) return [HELP, { value: '--version', what: 'print the version' }]
  return [...COMMANDS.keys()].map(value => ({ value }))
}

async function laterWord(name: string, before: string[], current: string, offers: Offers): Promise<Candidate[]> {
  const load = COMMANDS.get(name)
  if (!load) return []
  const program = new Command('reactor')
  ;(await load()).command(program)
  const typed = readTyped(program.commands[0]!, before)
  if (typed.value) return valuesOf(typed.value, offers)
  if (current.startsWith('-') && !typed.afterDashes) return optionsOf(typed.command, current)
  if (typed.command.commands.length > 0)
    return typed.command.commands.map(sub => ({ value: sub.name(), what: sub.description() }))
  return argumentsOf(typed, current, offers)
}

function optionsOf(command: Command, current: string): Candidate[] {
  const flags = ({ long, short, description }: Option): Candidate[] =>
    [long, current === '-' ? short : undefined].flatMap(value => (value ? [{ value, what: description }] : []))
  return [...command.options.filter(({ hidden }) => !hidden).flatMap(flags), HELP]
}

async function valuesOf(option: Option, offers: Offers): Promise<Candidate[]> {
  if (option.argChoices) return option.argChoices.map(value => ({ value }))
  if (option.long === '--context') return offers.contexts()
  return option.long === '--function' ? functionsOf(FUNCTION_KINDS, offers) : []
}

async function argumentsOf(typed: Typed, current: string, offers: Offers): Promise<Candidate[]> {
  const { command, argument, options, words } = typed
  if (argument?.argChoices) return argument.argChoices.map(value => ({ value }))
  const client: ClientOptions = Object.fromEntries(options)
  const above = command.parent?.name() ?? ''
  if (above === 'queue') return argument?.name() === 'queue' ? offers.queues(client) : []
  const isNamed = ['jobs', 'context', 'schedule'].includes(above)
  switch (`${isNamed ? `${above} ` : ''}${command.name()} ${argument?.name()}`) {
    case 'call tgt':
      return namesIds(options) ? minions(current, client, offers) : []
    case 'call fun':
    case 'local fun':
      return offers.functions('execution')
    case 'call args':
    case 'local args':
      return words.at(-1) === 'state.single' ? offers.functions('state') : []
    case 'run args':
      return words.at(-1) === 'state.orchestrate_single' ? offers.functions('orchestration') : []
    case 'run fun':
    case 'schedule add function':
    case 'schedule modify function':
      return offers.functions('runner')
    case 'wheel fun':
      return offers.functions('wheel')
    case 'functions name':
      return functionsOf(ALL_KINDS, offers)
    case 'jobs show jid':
    case 'jobs watch jid':
    case 'jobs kill jid':
    case 'jobs retry jid':
      return offers.jids(client)
    case 'jobs retry minions':
      return minions('', client, offers)
    case 'context use name':
    case 'context show name':
    case 'context remove name':
      return offers.contexts()
    default:
      return []
  }
}

const namesIds = (options: Typed['options']): boolean =>
  !TARGET_TYPES.some(([, type, option]) => type !== 'list' && options.has(option))

/** Ids; in a list with commas its last one. */
async function minions(current: string, client: ClientOptions, offers: Offers): Promise<Candidate[]> {
  const head = current.slice(0, current.lastIndexOf(',') + 1)
  // An id may begin as an option does; in a command line it would be taken for one.
  const ids = (await offers.minions(client)).filter(({ value }) => !value.startsWith('-'))
  return ids.map(one => ({ ...one, value: head + one.value }))
}

const functionsOf = async (kinds: readonly (typeof ALL_KINDS)[number][], offers: Offers): Promise<Candidate[]> =>
  (await Promise.all(kinds.map(kind => offers.functions(kind)))).flat()
