import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isBelieved } from '../../src/protocol/belief.ts'
import { CATALOGUE } from '../../src/protocol/catalogue/all.ts'
import { readOrigin } from '../../src/protocol/origin.ts'
import { nonconformity } from '../helpers/conformance.ts'
import { testFolder } from '../helpers/folder.ts'
import { type SeenLine, startReactor } from './reactor.ts'

const RULE = `rule: fails
on: my/failure
do: runner.test.fail
on_failure:
  - runner.test.arg: [1]
`

it('all that a system stores of itself, from its first event on, is as the catalogue has it', async () => {
  const rules = await testFolder()
  await writeFile(join(rules, 'fails.yaml'), RULE)
  const system = await startReactor({ rules, config: { presence_events: true } })
  const ran = async (...words: string[]) => expect(await system.run(...words)).toMatchObject({ code: 0 })
  await ran('call', '*', 'test.ping')
  await ran('run', 'queue.insert', 'q', 'a')
  await ran('run', 'queue.process_queue', 'q')
  await ran('wheel', 'key.list_all')
  await ran('call', '*', 'event.send', 'my/own')
  await ran('send', 'my/failure')
  await system.lines.find(({ tag }) => tag === 'salt/reactor/failed/fails', 'the failure of the rule')
  const { stdout } = await system.run('events', 'export')
  const stored = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as SeenLine)
  const events = stored.map(({ tag, data, origin: text }) => {
    const origin = readOrigin(text)
    return { tag, data, origin, believed: isBelieved(origin, tag) }
  })
  expect(events.flatMap(event => nonconformity(event) ?? [])).toEqual([])
  const seen = CATALOGUE.filter(({ matches }) => events.some(({ tag }) => matches(tag))).map(({ pattern }) => pattern)
  expect(seen).toEqual(
    expect.arrayContaining([
      'salt/auth',
      'salt/minion/<id>/start',
      'salt/presence/change',
      'salt/job/<jid>/new',
      'salt/job/<jid>/sent',
      'salt/job/<jid>/ret/<id>',
      'salt/run/<jid>/new',
      'salt/run/<jid>/ret',
      'salt/wheel/<jid>/new',
      'salt/wheel/<jid>/ret',
      'salt/queue/<queue>/process',
      'salt/reactor/failed/<rule>',
      'salt/audit/publish',
      'salt/audit/runner',
      'salt/audit/wheel',
      'salt/audit/key',
      'salt/audit/rules',
    ]),
  )
  await system.clean()
})
