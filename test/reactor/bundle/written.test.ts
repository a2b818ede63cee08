import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { writtenRule } from '../../../src/reactor/bundle/written.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'
import type { RuleDocument } from '../../../src/reactor/rules/schema.ts'

const PLAIN = `rule: restart
description: Brings nginx back.
on: salt/beacon/*/service/**
when:
  all:
    - { fact: data, path: $.name, operator: equal, value: nginx }
mode: off
priority: -5
stop: true
recursion: 2
retry: { attempts: 3, backoff: 1500ms..90s }
concurrency: 4
lane: slow
max_targets: 10%
on_unknown: retry
throttle: { once_within: 150s, by: "{{ data.id }}" }
count: { at_least: 3, within: 1h30m }
do:
  - local.service.restart:
      tgt: "{{ data.id }}"
      args: [nginx]
  - runner.test.arg
  - wheel.key.accept: { match: web1 }
on_failure:
  - runner.event.send: { tag: x/y }
`
const ALL_OF = `rule: both
all_of:
  events:
    - { name: done, on: deploy/done }
    - { on: ["app/error/**", "!app/error/own"] }
  within: 10m
  in_order: true
do: runner.test.arg
`
const ABSENT = 'rule: a\non: my/*\nabsent: { for: 2d, of: minions, until: [x/*, y/*] }\ndo: runner.test.arg\n'
const GROUP = 'rule: a\non: my/*\ngroup: { for: 1001ms, most: 5 }\ndo: runner.test.arg\n'

it.each([PLAIN, ALL_OF, ABSENT, GROUP])('a rule is written as it may be read again: %#', text => {
  const { rules, problems } = loadRuleText('r.yaml', text)
  expect(problems).toEqual([])
  const written = stringify(writtenRule(rules[0]!))
  expect(written.split('\n')[0]).toMatch(/^rule: /)
  const again = loadRuleText('r.yaml', written)
  expect(again.problems).toEqual([])
  expect(again.rules).toEqual(rules)
})

it('several tags stay a list, and one with an exclusion too', () => {
  const { rules } = loadRuleText('r.yaml', 'rule: a\non: [my/**, "!my/own"]\ndo: runner.test.arg\n')
  expect(writtenRule(rules[0]!).on).toEqual(['my/**', '!my/own'])
})

it('durations are written as words that mean the same milliseconds', () => {
  const document: RuleDocument = {
    rule: 'a',
    on: ['my/*'],
    do: [{ kind: 'runner', fun: 'test.arg', params: null }],
    on_failure: [{ kind: 'runner', fun: 'event.send', params: { tag: 'x/y' } }],
    retry: { attempts: 3, backoff: [1500, 90_000] },
    throttle: { once_within: 150_000, by: '{{ data.id }}' },
    count: { at_least: 2, within: 86_400_000 },
    absent: { for: 3_600_000, of: 'minions' },
    group: { for: 1001, most: 5 },
    source: { file: 'r.yaml', line: 1 },
  }
  expect(writtenRule(document)).toEqual({
    rule: 'a',
    on: 'my/*',
    retry: { attempts: 3, backoff: '1500ms..90s' },
    throttle: { once_within: '150s', by: '{{ data.id }}' },
    count: { at_least: 2, within: '24h' },
    absent: { for: '60m', of: 'minions' },
    group: { for: '1001ms', most: 5 },
    do: ['runner.test.arg'],
    on_failure: [{ 'runner.event.send': { tag: 'x/y' } }],
  })
})

it('the tags of a rule with all_of are those of its events', () => {
  const document: RuleDocument = {
    rule: 'a',
    on: ['x/*', 'y/*'],
    all_of: {
      events: [
        { name: 'x', on: ['x/*'] },
        { name: 'y', on: ['y/*', '!y/z'] },
      ],
      within: 300_000,
      in_order: true,
    },
    do: [{ kind: 'runner', fun: 'test.arg', params: null }],
    source: { file: 'r.yaml', line: 1 },
  }
  const written = writtenRule(document)
  expect(written).not.toHaveProperty('on')
  expect(written.all_of).toEqual({
    events: [
      { name: 'x', on: 'x/*' },
      { name: 'y', on: ['y/*', '!y/z'] },
    ],
    within: '5m',
    in_order: true,
  })
})
