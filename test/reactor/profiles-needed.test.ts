import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { profilesNeeded } from '../../src/reactor/profiles-needed.ts'
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
