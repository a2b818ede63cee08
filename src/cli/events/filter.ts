// Which stored events a command means: by tag, time, origin, conditions and text.
import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { ReactorError } from '../../base/errors.ts'
import type { SeenEvent } from '../../cache/history.ts'
import { createTagFilter } from '../../tail/filter.ts'
import { type AskHistory, askHistory } from '../../tail/history.ts'
import { askPatiently, findRange, type Range } from '../../tail/stored.ts'
import { parseWhere } from '../../tail/where.ts'
import type { Client } from '../client.ts'
import { readTime } from '../jobs/find.ts'

export interface Filters {
  since?: number
  until?: number
  origin?: string
  where?: string[]
  grep?: string
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

/** The argument and options that choose events; all that are given must hold. */
export function withFilters(command: Command): Command {
  return command
    .argument('[globs...]', "tags, as in rules; several mean any, '!glob' excludes (default: every tag)")
    .option('--since <when>', "stored then or later: '30m' ago, or '2026-11-20 09:15'", readTime)
    .option('--until <when>', 'stored then or before', readTime)
    .option('--origin <glob>', "who fired it, such as 'web*', '_jobs' or '_user-ada'")
    .option(
      '--where <condition>',
      "for which this holds, such as 'data.retcode!=0' (see reactor tail); may be repeated",
      collect,
    )
    .option('--grep <text>', 'with this text in the tag, or in the data as JSON', readText)
}

function readText(text: string): string {
  if (text === '') throw new InvalidArgumentError('a text was expected.')
  return text
}

/** Throws `usage`. */
export function createFilter(
  globs: readonly string[],
  { since, until, origin, where = [], grep }: Filters,
  warn: (line: string) => void,
): (event: SeenEvent) => boolean {
  if (since !== undefined && until !== undefined && since > until)
    throw new ReactorError('usage', '--since is later than --until: no event is in between')
  const tags = createTagFilter(globs)
  const holds = parseWhere([...where, ...(origin === undefined ? [] : [`origin=${origin}`])], warn)
  const has = grep === undefined ? () => true : createGrep(grep)
  return event => tags.tag(event.tag) && holds(event) && has(event)
}

/** The text as JSON has it: a quote or a line end in it is found as it stands in a value. */
function createGrep(text: string): (event: Pick<SeenEvent, 'tag' | 'data'>) => boolean {
  const inJson = JSON.stringify(text).slice(1, -1)
  return ({ tag, data }) => tag.includes(text) || JSON.stringify(data).includes(inJson)
}

/** Stored events after which a person who waits is told how far it is. */
const TOLD_EACH = 50_000

/** Tells on the way how much has been looked at: an event that is not there is looked for in all that is stored. */
export function tellingHowFar(ask: AskHistory, tell: (line: string) => void): AskHistory {
  let looked = 0
  return async request => {
    const page = await ask(request)
    const before = looked
    looked += Math.max(0, page.next_seq - (request.after_seq ?? page.next_seq))
    if (Math.floor(looked / TOLD_EACH) > Math.floor(before / TOLD_EACH))
      tell(`looked at ${looked.toLocaleString('en')} stored events so far; Ctrl-C ends it`)
    return page
  }
}

/** History as this operator may read it, and what of it lies between the times. */
export async function openStored({ bus }: Client, times: Filters): Promise<{ ask: AskHistory; range: Range }> {
  const ask = askPatiently(askHistory(bus.nc, bus.subjects), systemClock)
  return { ask, range: await findRange(ask, times) }
}
