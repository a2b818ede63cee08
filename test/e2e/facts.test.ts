// Facts that are looked up, through the real processes: the record of a job, and a fact of one's own.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { startReactor } from './reactor.ts'

const RULES = `
rule: who-asked
on: salt/job/*/ret/*
when:
  all:
    - { fact: job, path: "$.metadata.ticket", operator: equal, value: 7 }
    - { fact: rack, params: { site: lab }, path: $.of, operator: equal, value: web1 }
do:
  - runner.event.send: { tag: seen/return, data: { user: "{{ job.user }}", fun: "{{ job.fun }}", site: "{{ rack.site }}" } }
`
const RACK = `import { fact } from 'reactor'
export default fact({ doc: 'The rack.', run: async ({ origin }, { site = 'main' }) => ({ of: origin, site }) })
`

it('a rule sees the job of a return and the facts of its module folder', async () => {
  const [rules, modules] = [await testFolder(), await testFolder()]
  await mkdir(join(modules, 'facts'))
  await writeFile(join(modules, 'facts/rack.js'), RACK)
  await writeFile(join(rules, 'r.yaml'), RULES)
  const reactor = await startReactor({ rules, config: { module_dirs: [modules] }, args: ['--id', 'web1'] })
  onTestFinished(() => reactor.clean())
  await reactor.run('call', '*', 'test.ping')
  await reactor.run('call', '*', 'test.ping', '--metadata', '{"ticket": 7}')
  const seen = await reactor.lines.find(({ tag }) => tag === 'seen/return', 'the event that the rule sends')
  expect(seen.data).toMatchObject({ user: 'admin', fun: 'test.ping', site: 'main' })
  expect(reactor.lines.items.filter(({ tag }) => tag === 'seen/return')).toHaveLength(1)
})
