// The keys of rules that look at more than one event, read from a rule file: throttle, count, all_of, absent, group.
import { isObject } from '../../base/json.ts'
import { type ConditionProblem, conditionProblems } from './conditions.ts'
import { type Path, type Report, show } from './path.ts'
import { readGlobs } from './read-globs.ts'
import { readBy, readFlag, readInt, readMap, readSpan, readWord } from './read-values.ts'
import type { RuleDocument } from './schema.ts'
import { type Vocabulary, WINDOWS } from './vocabulary.ts'

type StatefulKeys = Pick<RuleDocument, 'throttle' | 'count' | 'all_of' | 'absent' | 'group'>
type Awaited = NonNullable<RuleDocument['all_of']>['events'][number]

/** What `when` and `by` of such a rule may name. */
export interface StatefulNames {
  when: Vocabulary
  by: Vocabulary
}

export function readStateful(
  document: Record<string, unknown>,
  rule: string,
  names: StatefulNames,
  report: Report,
): StatefulKeys {
  const [first, ...others] = WINDOWS.filter(key => document[key] !== undefined)
  for (const key of others)
    report([key], `'${key}' stands beside '${first}': a rule has one of ${WINDOWS.join(', ')}`, 'key')
  const read = { names, rule, report }
  const throttle = readThrottle(document.throttle, read)
  const count = readCount(document.count, read)
  const all_of = readAllOf(document.all_of, read)
  const absent = readAbsent(document.absent, read)
  const group = readGroup(document.group, read)
  return {
    ...(throttle && { throttle }),
    ...(count && { count }),
    ...(all_of && { all_of }),
    ...(absent && { absent }),
    ...(group && { group }),
  }
}

interface Reading {
  names: StatefulNames
  rule: string
  report: Report
}

function readThrottle(value: unknown, { names, report }: Reading): RuleDocument['throttle'] {
  if (value === undefined) return undefined
  const kinds = ['once_within', 'once_after'] as const
  const map = readMap(value, ['throttle'], [...kinds, 'by'], '{ once_within: 5m, by: "{{ origin }}" }', report)
  if (!map) return undefined
  const [kind, other] = kinds.filter(key => map[key] !== undefined)
  if (!kind || other) {
    const message = other ? "'once_after' stands beside 'once_within'" : 'a duration is missing'
    report(
      other ? ['throttle', other] : ['throttle'],
      `${message}: 'throttle' has one of once_within and once_after`,
      'key',
    )
    return undefined
  }
  const ms = readSpan(map[kind], ['throttle', kind], report)
  const by = byOf(map, 'throttle', names, report)
  if (ms === undefined) return undefined
  return kind === 'once_within' ? { once_within: ms, ...by } : { once_after: ms, ...by }
}

function readCount(value: unknown, { names, report }: Reading): RuleDocument['count'] {
  if (value === undefined) return undefined
  const map = readMap(value, ['count'], ['at_least', 'within', 'by'], '{ at_least: 3, within: 5m }', report)
  if (!map) return undefined
  if (map.at_least === undefined)
    report(['count'], "'at_least' is missing in 'count': how many events, such as 3", 'key')
  const at_least = readInt(map.at_least, ['count', 'at_least'], 2, report)
  const within = readSpan(map.within, ['count', 'within'], report)
  const by = byOf(map, 'count', names, report)
  return at_least === undefined || within === undefined ? undefined : { at_least, within, ...by }
}

function readGroup(value: unknown, { names, report }: Reading): RuleDocument['group'] {
  if (value === undefined) return undefined
  const map = readMap(value, ['group'], ['for', 'by', 'most'], '{ for: 30s, by: "{{ data.service }}" }', report)
  if (!map) return undefined
  const span = readSpan(map.for, ['group', 'for'], report)
  const most = readInt(map.most, ['group', 'most'], 1, report)
  const by = byOf(map, 'group', names, report)
  return span === undefined ? undefined : { for: span, ...by, ...(most !== undefined && { most }) }
}

function readAbsent(value: unknown, { names, report }: Reading): RuleDocument['absent'] {
  if (value === undefined) return undefined
  const map = readMap(value, ['absent'], ['for', 'by', 'until', 'of'], '{ for: 10m, by: "{{ origin }}" }', report)
  if (!map) return undefined
  const span = readSpan(map.for, ['absent', 'for'], report)
  const by = byOf(map, 'absent', names, report)
  const until = map.until === undefined ? undefined : readGlobs(map.until, ['absent', 'until'], report)
  const of = readWord(map.of, ['absent', 'of'], ['minions'], report)
  return span === undefined ? undefined : { for: span, ...by, ...(until && { until }), ...(of && { of }) }
}

function readAllOf(value: unknown, { names, rule, report }: Reading): RuleDocument['all_of'] {
  if (value === undefined) return undefined
  const example = '{ events: [{ on: a/* }, { on: b/* }], within: 5m }'
  const map = readMap(value, ['all_of'], ['events', 'within', 'by', 'in_order'], example, report)
  if (!map) return undefined
  const within = readSpan(map.within, ['all_of', 'within'], report)
  const by = byOf(map, 'all_of', names, report)
  const in_order = readFlag(map.in_order, ['all_of', 'in_order'], report)
  if (!Array.isArray(map.events) || map.events.length < 2) {
    const wanted = "'events' is a list of at least two events"
    if (map.events === undefined) report(['all_of'], wanted, 'key')
    else report(['all_of', 'events'], `${wanted}, got ${show(map.events)}`)
    return undefined
  }
  const taken = new Set<string>()
  const events = map.events.map((item, index) => {
    const event = readAwaited(item, ['all_of', 'events', index], String(index + 1), rule, names.when, report)
    if (taken.has(event.name)) report(['all_of', 'events', index], `the name '${event.name}' is taken by another event`)
    taken.add(event.name)
    return event
  })
  return within === undefined ? undefined : { events, within, ...by, ...(in_order && { in_order }) }
}

function readAwaited(
  value: unknown,
  path: Path,
  place: string,
  rule: string,
  when: Vocabulary,
  report: Report,
): Awaited {
  const event: Awaited = { name: place, on: [] }
  const map = readMap(value, path, ['name', 'on', 'when'], '{ on: a/* }', report)
  if (!map) return event
  if (typeof map.name === 'string' && map.name !== '') event.name = map.name
  else if (map.name !== undefined) report([...path, 'name'], `'name' is text, got ${show(map.name)}`)
  if (map.on === undefined) report(path, "'on' is missing: say which tags, for example on: salt/auth")
  else event.on = readGlobs(map.on, [...path, 'on'], report)
  const conditions = readWhen(map.when, [...path, 'when'], rule, when, report)
  return conditions ? { ...event, when: conditions } : event
}

/** Conditions at `path`; undefined where there are none. */
export function readWhen(
  value: unknown,
  path: Path,
  rule: string,
  vocabulary: Vocabulary,
  report: Report,
): Record<string, unknown> | undefined {
  if (value === undefined) return undefined
  const say = (problem: ConditionProblem) => report([...path, ...problem.path], problem.message, problem.at)
  for (const problem of conditionProblems(value, rule, vocabulary)) say(problem)
  return isObject(value) ? value : undefined
}

function byOf(map: Record<string, unknown>, key: string, { by }: StatefulNames, report: Report): { by?: string } {
  const read = readBy(map.by, [key, 'by'], by, report)
  return read === undefined ? {} : { by: read }
}
