// Runner `reactions`: what rules decided and what became of it; what is done to reactions that wait for something.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { runner } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import {
  REACTION_STATES,
  type ReactionOperation,
  type ReactionResult,
  type ReactionsRequest,
} from '../protocol/reaction-view.ts'
import { readDate } from '../report/date.ts'

const state = z.enum(REACTION_STATES)
/** At once: each is a few requests to the store. */
const MOST_AT_ONCE = 1000

const filters = {
  rule: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('of this rule, or one of a list'),
  state: z
    .union([state, z.array(state)])
    .optional()
    .describe(`in this state, or one of a list: ${REACTION_STATES.join(', ')}`),
  since: z
    .union([z.string(), z.number()])
    .optional()
    .describe('that came into it then or later: a date, so long ago as 2h, or milliseconds since the epoch'),
}
const key = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .describe('the key of a reaction, or a list of keys')
const limit = z.number().int().min(1).max(MOST_AT_ONCE)
const guards = {
  key: fixed('the key of a reaction'),
  rule: fixed('the name of a rule'),
  state: fixed('a state'),
  since: fixed('a time'),
  limit: fixed('a limit'),
}

export const list = runner({
  doc: `Lists reactions, newest first, each with its state and key; all filters that are given must hold.
    Those that wait to be executed are in it where a rule or the state waiting is named. Returns {reactions, cursor}: with a
    cursor there are more, ask again with it as before.
    Example: reactor run reactions.list rule=restart-nginx state=parked since=2h`,
  args: {
    ...filters,
    until: filters.since.describe('that came into it then or before'),
    limit: limit.default(100).describe('at most so many'),
    before: z.string().optional().describe('the cursor of the page before'),
  },
  guards: { ...guards, until: guards.since, before: fixed('a cursor') },
  idempotent: true,
  run: ({ limit: most, before, ...args }, context) =>
    context.reactions.list({ ...requestOf(args), limit: most, ...(before === undefined ? {} : { before }) }),
})

export const show = runner({
  doc: `Shows all that is known of one reaction: its state and why, every attempt with its jobs, its event, and, while it waits
    for something, its actions. Secrets are redacted.
    Example: reactor run reactions.show zqSmUDtkYiBqbQVbtWgJYz/restart-nginx`,
  args: { key: z.string().describe('the key of a reaction') },
  guards: { key: guards.key },
  idempotent: true,
  run: (args, context) => context.reactions.show(args.key),
})

const operation = (name: ReactionOperation, what: string) =>
  runner({
    doc: `${what}
    Takes a key, a list of keys, or a rule, a state or both, for up to ${MOST_AT_ONCE} at once. Returns {results, more}: for each {key,
    ok, was, comment}; one in another state is left as it is, and the comment says so. With more there are others.
    Example: reactor run reactions.${name} rule=restart-nginx`,
    args: { key, ...filters, limit: limit.default(MOST_AT_ONCE).describe('at most so many') },
    guards,
    idempotent: true,
    run: (args, context) => act(name, args, context),
  })

export const retry = operation(
  'retry',
  'Runs parked reactions again as a new attempt, those that could not be rendered by their rule as it is now; and retried ones now instead of later.',
)
export const drop = operation(
  'drop',
  'Lets go of reactions that wait: to be executed, for another attempt, or for a person.',
)
export const approve = operation('approve', 'Runs reactions that are held because their targets mean too many minions.')
export const deny = operation('deny', 'Lets go of reactions that are held for approval.')

interface Given {
  key?: string | string[] | undefined
  rule?: string | string[] | undefined
  state?: ReactionsRequest['state']
  since?: string | number | undefined
  limit: number
}

/** Those that an operation is meant for where no state is named. */
const MEANT: Record<ReactionOperation, NonNullable<ReactionsRequest['state']>> = {
  retry: ['parked'],
  drop: ['waiting', 'retrying', 'parked', 'held'],
  approve: ['held'],
  deny: ['held'],
}

async function act(
  name: ReactionOperation,
  { key: keys, limit: most, ...filter }: Given,
  { reactions }: RunnerContext,
): Promise<{ results: ReactionResult[]; more: boolean }> {
  if (keys !== undefined) {
    if (filter.rule !== undefined || filter.state !== undefined || filter.since !== undefined)
      throw new ReactorError('bad_argument', `reactions.${name}: give keys, or a rule or state, not both`)
    const all = [keys].flat()
    if (all.length > MOST_AT_ONCE)
      throw new ReactorError('bad_argument', `reactions.${name}: ${all.length} keys, at most ${MOST_AT_ONCE} at once`)
    return { results: await reactions.act(name, all), more: false }
  }
  if (filter.rule === undefined && filter.state === undefined)
    throw new ReactorError('bad_argument', `reactions.${name}: expected a key, a rule or a state; got none of them`)
  const page = await reactions.list({ state: MEANT[name], ...requestOf(filter), limit: most })
  const found = page.reactions.slice(0, most)
  const results = await reactions.act(
    name,
    found.map(one => one.key),
  )
  return { results, more: page.cursor !== undefined || page.reactions.length > found.length }
}

function requestOf(args: {
  rule?: string | string[] | undefined
  state?: ReactionsRequest['state'] | undefined
  since?: string | number | undefined
  until?: string | number | undefined
}): ReactionsRequest {
  const time = (value: string | number | undefined) =>
    typeof value === 'string' ? readDate(value, Date.now(), 'utc') : value
  const { rule, state: states } = args
  const given = { rule, state: states, since: time(args.since), until: time(args.until) }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
