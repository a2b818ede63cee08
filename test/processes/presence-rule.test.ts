// A rule on lost minions as docs/presence.md has it, over a real master, reactor and job worker; and what people ask meanwhile.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createStack } from '../../src/base/service.ts'
import { requestJson } from '../../src/bus/request.ts'
import { parseConfig } from '../../src/config/load.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startReact } from '../../src/processes/react.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { followEvents } from '../helpers/core.ts'
import { startTestServer } from '../helpers/server.ts'

const RULE = `rule: minion-lost
on: salt/presence/change
when:
  all:
    - { fact: data, path: $.lost.length, operator: greaterThan, value: 0 }
do:
  - runner.event.send:
      tag: my/mail
      data: { subject: "{{ data.lost | length }} minions are lost", message: "{{ data.lost | join(', ') }}" }
`

it('mails who was lost, and nothing for who has come', async () => {
  const stack = createStack()
  onTestFinished(() => stack.stop())
  const dir = await mkdtemp(join(tmpdir(), 'reactor-lost-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const server = stack.add(await startTestServer())
  const rules = join(dir, 'lost.yaml')
  await writeFile(rules, RULE)
  const config = parseConfig(
    {
      isolation: 'none',
      servers: [server.url],
      presence_events: true,
      presence_interval: '1s',
      master: { lost_after: '6s' },
      react: { rules },
      queue: { dir: join(dir, 'queue') },
    },
    'the test',
  )
  stack.add(await startMaster(config, silentLog))
  stack.add(await startReact(config, silentLog))
  stack.add(await startJobs(config, silentLog))
  const nc = await connect({ servers: server.url })
  stack.defer(() => nc.close())
  const subjects = createSubjects('reactor')
  const events = followEvents(nc, 'reactor.live.')
  const run = (fun: string) => requestJson<unknown>(nc, subjects.runner(fun), [], { timeoutMs: 15_000, what: fun })
  const wheel = (fun: string, arg: unknown[] = []) =>
    requestJson<unknown>(nc, subjects.wheel(fun), arg, { timeoutMs: 15_000, what: fun })

  for (const id of ['web1', 'web2']) await nc.request(subjects.ofMinion('beat', id), 's', { timeout: 30_000 })
  expect(await wheel('minions.presence')).toEqual({ connected: ['web1', 'web2'], not_connected: [] })
  expect(await run('manage.alived')).toEqual(['web1', 'web2'])
  await events.find(
    ({ tag, data }) => tag === 'salt/presence/present' && (data.present as string[]).length === 2,
    'the list of both',
  )
  const mail = await events.find(({ tag }) => tag === 'my/mail', 'the mail')
  // Of both at once, mostly: they were heard one after the other.
  expect([
    ['2 minions are lost', 'web1, web2'],
    ['1 minions are lost', 'web1'],
  ]).toContainEqual([mail.data.subject, mail.data.message])
  await events.find(({ tag, data }) => tag === 'my/mail' && String(data.message).endsWith('web2'), 'the mail on web2')
  expect(await run('manage.alived')).toEqual([])
})
