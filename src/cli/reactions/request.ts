// What commands about reactions ask of a job worker, and which reactions their options mean.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { createReactionHistory, readReactions } from '../../cache/client.ts'
import {
  REACTION_STATES,
  type ReactionDetail,
  type ReactionOperation,
  type ReactionResult,
  type ReactionState,
  type ReactionsPage,
  type ReactionsRequest,
  type ReactionView,
} from '../../protocol/reaction-view.ts'
import { callFunction } from '../call-service.ts'
import type { Client } from '../client.ts'
import { readTime } from '../jobs/find.ts'

export interface Filters {
  rule?: string[]
  state?: ReactionState[]
  since?: number
  until?: number
}

const TIMEOUT_MS = 60_000
/** What a job worker gives, and takes, at once. */
const PAGE = 1000
const ACT_AT_ONCE = 250

/** An option that may be given again. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

const collectState =
  (known: readonly string[]) =>
  (value: string, before: ReactionState[] | undefined): ReactionState[] => {
    if (!known.includes(value))
      throw new InvalidArgumentError(`Allowed are ${known.join(', ')}.${didYouMean(value, [...known])}`)
    return [...(before ?? []), value as ReactionState]
  }

/** The options that choose reactions; all that are given must hold. */
export function withFilters(command: Command, states: readonly ReactionState[] = REACTION_STATES): Command {
  return command
    .option('--rule <name>', 'of this rule; given again, of one of them', collect)
    .addOption(
      new Option('--state <state>', 'in this state; given again, in one of them')
        .choices([...states])
        .argParser(collectState(states) as never),
    )
    .option('--since <when>', "that came into it then or later: '30m' ago, or '2026-11-20 09:15'", readTime)
    .option('--until <when>', 'that came into it then or before', readTime)
}

export const isFiltered = ({ rule, state, since, until }: Filters): boolean =>
  rule !== undefined || state !== undefined || since !== undefined || until !== undefined

/** Throws `usage`. */
export function requestOf({ rule, state, since, until }: Filters): ReactionsRequest {
  if (since !== undefined && until !== undefined && since > until)
    throw new ReactorError('usage', '--since is later than --until: no reaction is in between')
  const given = { rule, state, since, until }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

const ask = <T>(client: Client, fun: string, kwarg: object): Promise<T> =>
  callFunction<T>(client, 'runner', `reactions.${fun}`, { arg: [], kwarg: { ...kwarg } }, TIMEOUT_MS)

/**
 * At most about `limit`, newest first; `more`: there are others. Where no job worker answers, what the cache has: `partial`,
 * for it knows nothing of what waits to be executed.
 */
export async function listReactions(
  client: Client,
  request: ReactionsRequest,
  limit: number,
): Promise<{ reactions: ReactionView[]; more: boolean; partial: boolean }> {
  const history = { reactions: (page: ReactionsRequest) => ask<ReactionsPage>(client, 'list', page) }
  const read = async (from: Parameters<typeof readReactions>[0], partial: boolean) => {
    const { reactions, cursor } = await readReactions(from, request, limit)
    return { reactions: reactions.slice(0, limit), more: cursor !== undefined || reactions.length > limit, partial }
  }
  try {
    return await read(history, false)
  } catch (error) {
    if (!(error instanceof ReactorError && error.code === 'unreachable')) throw error
    return read(createReactionHistory(client.bus.nc, client.bus.subjects), true)
  }
}

export const showReaction = (client: Client, key: string): Promise<ReactionDetail> => ask(client, 'show', { key })

/** Of each what was done, or why nothing was. */
export async function actOn(
  client: Client,
  operation: ReactionOperation,
  keys: readonly string[],
): Promise<ReactionResult[]> {
  const results: ReactionResult[] = []
  for (let at = 0; at < keys.length; at += ACT_AT_ONCE) {
    const key = keys.slice(at, at + ACT_AT_ONCE)
    results.push(...(await ask<{ results: ReactionResult[] }>(client, operation, { key })).results)
  }
  return results
}

export const MOST_AT_ONCE = 10 * PAGE
