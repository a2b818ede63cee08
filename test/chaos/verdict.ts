// Holds what the observer counted against what the system has on record, and both against what is promised.
import type { Event } from '../../src/protocol/event.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import { workKey } from '../../src/protocol/reaction.ts'
import { type End, type Expected, KINDS, UNKNOWN } from './kinds.ts'
import type { Loaded } from './load.ts'
import type { Effect } from './observer.ts'
import type { Records } from './records.ts'

export interface Problem {
  what: string
  /** Work key of the reaction, jid of the job, or id of the event. */
  about: string
  /** All that is on record of it. */
  evidence: unknown[]
}

export interface Evidence {
  loaded: Loaded
  effects: readonly Effect[]
  records: Records
  views: ReadonlyMap<string, JobView | null>
}

interface Ended {
  end: End
  reason: string
}

/** What the ledger says of each reaction, by its work key, in order, without attempts that another one follows. */
export function endsOf(records: Pick<Records, 'decisions' | 'suppressions'>): Map<string, Ended[]> {
  const ends = new Map<string, Ended[]>()
  const add = (key: string, end: End, reason: string) => {
    const known = ends.get(key) ?? []
    // An entry may be there twice after a crash: it says the same.
    if (!known.some(one => one.end === end)) known.push({ end, reason })
    ends.set(key, known)
  }
  for (const { key, state, reason = '' } of records.decisions)
    if (state !== 'retrying') add(withoutAttempt(key), state, reason)
  for (const { rule, reason, events } of records.suppressions)
    for (const { id } of events) add(withoutAttempt(workKey(id, rule)), reason, '')
  return ends
}

/** A worker that was taken for lost has done it after all, and says so; of a job on minions the other may have met nobody. */
const isCorrected = (ended: readonly Ended[], { effect }: Expected): boolean =>
  ended.length === 2 &&
  ended[0]!.end === 'parked' &&
  (UNKNOWN.test(ended[0]!.reason) || (effect === 'jobs' && OFFLINE.test(ended[0]!.reason))) &&
  ended[1]!.end === 'done'
const OFFLINE = /: offline: /

/** Of a window, whose key names when its event was stored too, that of the event: here ids are unique. */
const withoutAttempt = (key: string): string => key.replace(/#\d+$/, '').replace(/@\d+(?=\/[^/]+$)/, '')

export interface Wanted {
  key: string
  n: number
  expected: Expected
  event: Event
}

/** The reactions that stored events ask for. */
export function wantedBy(events: readonly Event[]): Wanted[] {
  return events.flatMap(event => {
    const { id, tag, data } = event
    const [first, kind = ''] = tag.split('/')
    if (first !== 'load') return []
    return (KINDS[kind] ?? []).map(expected => ({
      key: workKey(id, expected.rule),
      n: Number(data.n),
      expected,
      event,
    }))
  })
}

export function judge({ loaded, effects, records, views }: Evidence): Problem[] {
  const problems: Problem[] = []
  const ends = endsOf(records)
  const byReaction = groupBy(effects, ({ rule, n }) => `${rule} ${n}`)
  const say = (what: string, about: string, ...evidence: unknown[]) => {
    const id = about.split('/')[0]!
    const onRecord = [
      ...records.events.filter(event => event.id === id || event.cause === id),
      ...records.decisions.filter(({ key }) => key.startsWith(about)),
      ...records.parked.filter(({ key }) => key.startsWith(about)),
      ...records.jobs.filter(job => job.key.startsWith(about) || job.jid === about),
    ]
    problems.push({ what, about, evidence: [...evidence, ...onRecord] })
  }

  const stored = new Set(records.events.map(({ id }) => id))
  if (stored.size < records.events.length) say('an event is stored twice', 'EVENTS')
  for (const id of loaded.accepted) if (!stored.has(id)) say('an accepted event is not in EVENTS', id)

  const all = wantedBy(records.events)
  const byRule = groupBy(all, ({ expected }) => expected.rule)
  const waiting = new Set(records.parked.map(({ key }) => withoutAttempt(key)))
  for (const { key, n, expected, event } of all) {
    const { rule } = expected
    const ended = ends.get(key) ?? []
    const seen = byReaction.get(`${rule} ${n}`) ?? []
    if (ended.length === 0) say('a reaction has no recorded end', key, ...seen)
    if (ended.length > 1 && !isCorrected(ended, expected))
      say(`a reaction ended as ${ended.map(({ end }) => end).join(' and ')}`, key, ...seen)
    for (const { end, reason } of ended)
      if (!expected.ends[end]?.test(reason)) say(`a reaction of '${rule}' ended as ${end} (${reason})`, key, ...seen)
    const last = ended.at(-1)?.end
    const waits = last === 'parked' || last === 'held'
    if (waits !== waiting.has(key))
      say(`a reaction that is ${last} ${waits ? 'does not wait' : 'waits'} in PARKED`, key)
    const siblings = byRule.get(rule)?.map(one => one.event) ?? []
    const fires = expected.fires?.(event, siblings)
    if (fires !== undefined && fires !== (last === 'done'))
      say(`'${rule}' ${fires ? 'must' : 'must not'} fire at this event, and it is ${last}`, key, ...seen)
    const problem = effectProblem(expected, last === 'done', seen)
    if (problem) say(problem, key, ...seen)
  }
  const rulesOfLoad = new Set(Object.values(KINDS).flatMap(rules => rules.map(({ rule }) => rule)))
  const wanted = new Set(all.map(({ n, expected }) => `${expected.rule} ${n}`))
  for (const [reaction, seen] of byReaction)
    if (rulesOfLoad.has(seen[0]!.rule) && !wanted.has(reaction)) say('an effect has no event', reaction, ...seen)

  judgeJobs({ loaded, effects, records, views }, say)
  return problems
}

/** Of `jobs` the minions' own jobs tell. */
function effectProblem({ rule, effect }: Expected, done: boolean, seen: readonly Effect[]): string | undefined {
  const count = seen.length
  if (effect === 'always' && count === 0) return `'${rule}' has no effect`
  if (effect === 'always' && new Set(seen.map(({ key }) => key)).size > 1)
    return `'${rule}' has effects of several jobs`
  if (effect === 'repeated' && done && count === 0) return `'${rule}' is done and has no effect`
  if (effect === 'single' && count > 1) return `'${rule}' must not run twice and has ${count} effects`
  if (effect === 'single' && done && count === 0) return `'${rule}' is done and has no effect`
  if (effect === 'none' && count > 0) return `'${rule}' must do nothing and has ${count} effects`
  return undefined
}

const RUNS_IN = { local: 'none', runner: '_jobs', wheel: '_master' } as const
const RETURN = /^salt\/(job|run|wheel)\/(\d{20})\/ret(?:\/(.+))?$/

/** Of all jobs that there is any record of: of those that may run again the events alone tell. */
export const jidsIn = ({ jobs, events }: Pick<Records, 'jobs' | 'events'>): string[] => [
  ...new Set([...jobs.map(({ jid }) => jid), ...events.flatMap(({ tag }) => JOB.exec(tag)?.[1] ?? [])]),
]
const JOB = /^salt\/(?:job|run|wheel)\/(\d{20})\/(?:new|ret)/
const ENDED: ReadonlySet<string> = new Set(['returned', 'failed', 'died', 'timed_out', 'offline'])

function judgeJobs(
  { loaded, effects, records, views }: Evidence,
  say: (what: string, about: string, ...more: unknown[]) => void,
) {
  const runs = groupBy(effects, ({ key, where }) => `${key} ${where}`)
  const recorded = new Set(records.jobs.map(({ jid }) => jid))
  const announced = new Set(records.events.flatMap(({ tag }) => JOB.exec(tag)?.[1] ?? []))
  for (const jid of loaded.jobs) if (!recorded.has(jid)) say('a published job has no record', jid)
  for (const [jid, view] of views) {
    if (!view) {
      // Of a publish that nobody answered there may be the record, and nothing that followed.
      if (announced.has(jid) || loaded.jobs.includes(jid)) say('a job is not in the cache', jid)
      continue
    }
    for (const minion of view.minions) {
      const state = view.states[minion] ?? 'none'
      const count = runs.get(`${jid} ${minion}`)?.length ?? 0
      if (!ENDED.has(state)) say(`a job has no recorded outcome on ${minion}: ${state}`, jid, view)
      if (view.kind === 'local' && count > 1) say(`a job ran ${count} times on ${minion}`, jid, view)
      if (view.kind === 'local' && state === 'returned' && count === 0)
        say(`a job returned on ${minion} and has no effect`, jid, view)
    }
  }
  for (const { tag, data, believed } of records.events) {
    const [, kind = '', jid = '', minion = ''] = RETURN.exec(tag) ?? []
    if (jid === '' || !believed) continue
    const id = minion || RUNS_IN[kind === 'run' ? 'runner' : 'wheel']
    const view = views.get(jid)
    if (view && !view.returns[id]) say(`a return of ${id} is not in the cache`, jid, data, view)
  }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

/** Rules that may be done and never were: a run in which nothing is done proves nothing. */
export function neverDone(records: Records): string[] {
  const ends = endsOf(records)
  const byRule = groupBy(wantedBy(records.events), ({ expected }) => expected.rule)
  const isDone = ({ key }: Wanted) => ends.get(key)?.some(({ end }) => end === 'done')
  return [...byRule].flatMap(([rule, wanted]) => (wanted[0]!.expected.ends.done && !wanted.some(isDone) ? [rule] : []))
}

/** How many reactions of each rule ended how, for the summary of a run. */
export function countEnds(records: Records): Record<string, string> {
  const ends = endsOf(records)
  const byRule = groupBy(wantedBy(records.events), ({ expected }) => expected.rule)
  const told = (wanted: readonly Wanted[]) => {
    const all = groupBy(
      wanted.flatMap(({ key }) => ends.get(key)?.map(({ end }) => end) ?? (['open'] as const)),
      end => end,
    )
    return [...all].map(([end, these]) => `${these.length} ${end}`).join(', ')
  }
  return Object.fromEntries([...byRule].map(([rule, wanted]) => [rule, told(wanted)]))
}
