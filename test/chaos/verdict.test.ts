// That the harness sees what it is for: each kind of loss and doubling, made up, is found.
import { expect, it } from 'vitest'
import type { Event } from '../../src/protocol/event.ts'
import type { JobRecord } from '../../src/protocol/job.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import type { Decision, Parked } from '../../src/protocol/reaction.ts'
import { type Evidence, judge } from './verdict.ts'

const STAMP = '2026-11-20T09:18:20.838387'
const JID = '20261120091820838387'

const event = (kind: string, n = 1, id = `${kind}-${n}`): Event => ({
  ...{ id, tag: `load/${kind}/${n}`, data: { n }, stamp: STAMP, origin: userOrigin('admin'), believed: true, hops: 0 },
})
const decision = (rule: string, state: Decision['state'], reason = '', n = 1): Decision => ({
  ...{
    key: `${rule}-${n}/${rule}`,
    rule,
    event: `${rule}-${n}`,
    tag: `load/${rule}/${n}`,
    state,
    reason,
    ms: 1,
    jids: [],
  },
})
const effect = (rule: string, n = 1, key = JID, where = '_jobs') => ({ rule, n, where, key })
const waiting = (rule: string) => ({ key: `${rule}-1/${rule}`, reason: '' }) as Parked
const view = (state: string, returns: string[] = []) =>
  ({
    ...{ jid: JID, kind: 'local', minions: ['m1'], states: { m1: state } },
    returns: Object.fromEntries(returns.map(id => [id, {}])),
  }) as unknown as JobView
const returned: Event = { ...event('x'), id: 'r', tag: `salt/job/${JID}/ret/m1` }
const record = { jid: JID, kind: 'local', minions: ['m1'], key: JID } as JobRecord

interface Given extends Partial<Evidence['records']> {
  effects?: Evidence['effects']
  accepted?: string[]
  published?: string[]
  views?: [string, JobView | null][]
}

function problems({ effects = [], accepted = [], published = [], views = [], ...records }: Given): string[] {
  const nothing = { events: [], decisions: [], suppressions: [], parked: [], jobs: [] }
  return judge({
    loaded: { accepted: new Set(accepted), jobs: published, fired: 0 },
    effects,
    records: { ...nothing, ...records },
    views: new Map(views),
  }).map(({ what }) => what)
}

const unknown = 'outcome unknown: whether it was done is not known'
const once = [event('once')]

it.each<[string, Given]>([
  [
    'what is done and has its effect',
    { events: once, decisions: [decision('once', 'done')], effects: [effect('once')] },
  ],
  [
    'what is parked as unknown, with an effect or without',
    {
      events: once,
      decisions: [decision('once', 'parked', unknown)],
      parked: [waiting('once')],
      effects: [effect('once')],
    },
  ],
  [
    'what was parked as unknown and turned out to be done',
    {
      events: once,
      decisions: [decision('once', 'parked', unknown), decision('once', 'done')],
      effects: [effect('once')],
    },
  ],
  [
    'what may run again and did',
    {
      events: [event('idempotent')],
      decisions: [decision('idempotent', 'done'), decision('idempotent', 'done')],
      effects: [effect('idempotent'), effect('idempotent')],
    },
  ],
  [
    'a job that ran once and returned',
    {
      events: [returned],
      jobs: [record],
      views: [[JID, view('returned', ['m1'])]],
      effects: [effect('asked', 1, JID, 'm1')],
    },
  ],
])('finds nothing wrong with %s', (_what, given) => {
  expect(problems(given)).toEqual([])
})

it.each<[string, Given, string]>([
  ['an accepted event that is gone', { accepted: ['e'] }, 'an accepted event is not in EVENTS'],
  ['an event without a decision', { events: once }, 'a reaction has no recorded end'],
  [
    'an effect that came twice',
    { events: once, decisions: [decision('once', 'done')], effects: [effect('once'), effect('once')] },
    "'once' must not run twice and has 2 effects",
  ],
  [
    'a done reaction without its effect',
    { events: once, decisions: [decision('once', 'done')] },
    "'once' is done and has no effect",
  ],
  [
    'two ends',
    {
      events: once,
      decisions: [decision('once', 'done'), decision('once', 'parked', unknown)],
      effects: [effect('once')],
      parked: [waiting('once')],
    },
    'a reaction ended as done and parked',
  ],
  [
    'a parked reaction that waits nowhere',
    { events: once, decisions: [decision('once', 'parked', unknown)] },
    'a reaction that is parked does not wait in PARKED',
  ],
  [
    'one that is done and waits still',
    { events: once, decisions: [decision('once', 'done')], effects: [effect('once')], parked: [waiting('once')] },
    'a reaction that is done waits in PARKED',
  ],
  [
    'one that is parked without need',
    {
      events: [event('idempotent')],
      decisions: [decision('idempotent', 'parked', unknown)],
      parked: [{ ...waiting('idempotent') }],
    },
    `a reaction of 'idempotent' ended as parked (${unknown})`,
  ],
  [
    'a rule that forgot that it fired',
    {
      events: [event('throttle', 1), event('throttle', 2)],
      decisions: [decision('throttle', 'done'), decision('throttle', 'done', '', 2)],
      effects: [effect('throttle'), effect('throttle', 2)],
    },
    "'throttle' must not fire at this event, and it is done",
  ],
  ['an effect out of nothing', { effects: [effect('once', 9)] }, 'an effect has no event'],
  ['a published job without a record', { published: [JID], views: [] }, 'a published job has no record'],
  [
    'a job that ran twice on a minion',
    {
      ...{ jobs: [record], views: [[JID, view('returned', ['m1'])]] },
      effects: [effect('asked', 1, JID, 'm1'), effect('asked', 1, JID, 'm1')],
    },
    'a job ran 2 times on m1',
  ],
  [
    'a job that stays open',
    { jobs: [record], views: [[JID, view('running')]] },
    'a job has no recorded outcome on m1: running',
  ],
  [
    'a return that is not in the cache',
    { events: [returned], jobs: [record], views: [[JID, view('timed_out')]] },
    'a return of m1 is not in the cache',
  ],
])('finds %s', (_what, given, problem) => {
  expect(problems(given)).toEqual([problem])
})
