import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { createProfileCheck, profilesMissing, profilesNeeded } from '../../src/reactor/profiles-needed.ts'
import { loadRuleFolder, loadRuleText } from '../../src/reactor/rules/load.ts'

it('finds the profiles that the shipped rules name', async () => {
  const { rules } = await loadRuleFolder(resolve(import.meta.dirname, '../../reactors'))
  expect(profilesNeeded(rules)).toEqual([
    { rule: 'deploy-hook', kind: 'http', profile: 'deploy-hook' },
    { rule: 'disk-full', kind: 'smtp', profile: 'ops-mail' },
    { rule: 'job-failed', kind: 'smtp', profile: 'ops-mail' },
  ])
})

it('finds those of on_failure too', () => {
  const text = 'on: a\ndo: runner.test.arg\non_failure: { runner.smtp.send_msg: { profile: night-shift, subject: x } }'
  expect(profilesNeeded(loadRuleText('r.yaml', text).rules)).toEqual([
    { rule: 'r', kind: 'smtp', profile: 'night-shift' },
  ])
})

it('finds them by position, and in the form with args and kwargs', () => {
  const text = `
on: a
do:
  - runner.smtp.send_msg: [ada@example.com, text, subject, night-shift]
  - runner.smtp.send_msg: { args: [ada@example.com], kwargs: { profile: day-shift } }
`
  expect(profilesNeeded(loadRuleText('r.yaml', text).rules).map(({ profile }) => profile)).toEqual([
    'night-shift',
    'day-shift',
  ])
})

it('takes what a template gives for none, whatever its form', () => {
  const text = `
on: a
do:
  - runner.http.query: { profile: "{{ data.hook }}" }
  - runner.http.query: { profile: "{% if data.a %}x{% endif %}" }
`
  expect(profilesNeeded(loadRuleText('r.yaml', text).rules)).toEqual([])
})

const PROFILES = { smtp: {}, http: { 'deploy-hook': {} } }

it('tells which of them the config lacks; what every object has is no profile', () => {
  const text =
    'on: a\ndo:\n  - runner.http.query: { profile: deploy-hook }\n  - runner.http.query: { profile: toString }'
  expect(profilesMissing(loadRuleText('r.yaml', text).rules, PROFILES)).toEqual([
    { rule: 'r', kind: 'http', profile: 'toString' },
  ])
})

it('warns of one that the config lacks at its place, and of no other', () => {
  const text = `
on: a
do:
  - runner.http.query: { profile: deploy-hook, url: /x }
  - runner.http.query: { url: /x, profile: deploy-hok }
  - local.http.query: { tgt: web1, kwargs: { profile: of-the-minion } }
on_failure: { runner.smtp.send_msg: { profile: ops-mail } }
`
  const { rules, warnings, problems } = loadRuleText('r.yaml', text, createProfileCheck(PROFILES))
  expect(rules).toHaveLength(1)
  expect(problems).toEqual([])
  expect(warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
    "5:44 runner.http.query would fail: the config has no http profile 'deploy-hok'. Did you mean 'deploy-hook'? Known http profiles: deploy-hook.",
    "7:48 runner.smtp.send_msg would fail: the config has no smtp profile 'ops-mail'.",
  ])
})
