// Rules that trigger each other in the real program: through events, jobs on minions, their returns, and jobs that minions ask for.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import type { DecisionBatch, Suppression } from '../../src/protocol/reaction.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Running, type SeenLine, startReactor } from './reactor.ts'

const RULES = `
rule: answer
on: salt/job/*/ret/web1
when: { all: [{ fact: data, path: $.fun, operator: equal, value: test.ping }] }
do:
  - local.test.ping: { tgt: web1 }
---
rule: ping
on: game/ping
do:
  - runner.event.send: { tag: game/pong }
---
rule: pong
on: game/pong
do:
  - runner.event.send: { tag: game/ping }
---
rule: starter
on: start/it
do:
  - local.test.echo: { tgt: web1, args: [started] }
---
rule: follower
on: salt/job/*/ret/web1
when: { all: [{ fact: data, path: $.return, operator: equal, value: started }] }
do:
  - runner.event.send: { tag: followed/it }
---
rule: again
on: again/*
recursion: 3
do:
  - runner.event.send: { tag: again/more }
---
rule: spread
on: spread/*
do:
  - local.event.send: { tgt: web1, args: [spread/more] }
---
rule: asks
on: salt/job/*/ret/web1
when: { all: [{ fact: data, path: $.fun, operator: equal, value: test.version }] }
do:
  - local.saltutil.cmd: { tgt: web1, args: [web1, test.version] }
`

describe('a loop', () => {
  let reactor: Running
  let nc: NatsConnection
  let folder: string
  const cut = createSeen<Suppression>()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reactor-loops-'))
    await writeFile(join(folder, 'loops.yaml'), RULES)
    const config = { jobs: { peer: { web1: ['test\\..*'] } } }
    reactor = await startReactor({ args: ['--id', 'web1'], rules: folder, config })
    const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
    nc = await connect({
      servers: reactor.ready.server,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      inboxPrefix: operatorInbox('admin'),
    })
    nc.subscribe('reactor.decision.done.>', {
      callback: (_error, message) => {
        for (const one of message.json<DecisionBatch>().suppressed ?? []) if (one.reason === 'loop') cut.push(one)
      },
    })
    await nc.flush()
  })
  afterAll(async () => {
    await nc?.close()
    await reactor?.clean()
    await rm(folder, { recursive: true, force: true })
  })

  const cutOf = (rule: string) => cut.find(one => one.rule === rule, `the cut of ${rule}`)
  const alarms = (rule: string) => reactor.lines.items.filter(isAlarm(rule))
  const isAlarm = (rule: string) => (line: SeenLine) =>
    line.tag?.startsWith('salt/alarm/loop') === true && line.data.rule === rule
  const jobsOf = (rule: string) =>
    reactor.lines.items.filter(
      ({ tag, data }) => /^salt\/(job|run)\/\d+\/new$/.test(tag ?? '') && data.user === `rule:${rule}`,
    )
  const run = async (...words: string[]) => expect(await reactor.run(...words)).toMatchObject({ code: 0 })

  it('of a rule that answers the returns of its own jobs is cut, and told once with its cycle', async () => {
    await run('call', 'web1', 'test.ping')
    expect(await cutOf('answer')).toMatchObject({ details: ['answer', 'answer'] })
    const alarm = await reactor.lines.find(isAlarm('answer'), 'the alarm')
    expect(alarm.data).toMatchObject({ cycle: ['answer', 'answer'], why: expect.stringContaining('among the causes') })
    await run('call', 'web1', 'test.ping')
    await cut.find(() => cut.items.filter(({ rule }) => rule === 'answer').length === 2, 'the second cut')
    await reactor.lines.find(() => jobsOf('answer').length === 2, 'the second job of the rule')
    expect(alarms('answer')).toHaveLength(1)
  })

  it('of two rules that trigger each other is cut at the first that comes again', async () => {
    await run('send', 'game/ping')
    expect(await cutOf('ping')).toMatchObject({ details: ['ping', 'pong', 'ping'] })
    await reactor.lines.find(isAlarm('ping'), 'the alarm')
    expect([jobsOf('ping').length, jobsOf('pong').length, alarms('pong').length]).toEqual([1, 1, 0])
  })

  it('is none where a rule reacts to the returns of the jobs of another', async () => {
    await run('send', 'start/it')
    await reactor.lines.find(({ tag }) => tag === 'followed/it', 'what the other rule fires')
    expect(cut.items.filter(({ rule }) => rule === 'starter' || rule === 'follower')).toEqual([])
  })

  it('goes on as often as the rule says', async () => {
    await run('send', 'again/first')
    expect(await cutOf('again')).toMatchObject({ details: ['again', 'again'] })
    await reactor.lines.find(isAlarm('again'), 'the alarm')
    expect(jobsOf('again')).toHaveLength(1 + 3)
  })

  it('is cut where it goes through events that a minion fires in a job', async () => {
    await run('send', 'spread/first')
    expect(await cutOf('spread')).toMatchObject({ details: ['spread', 'spread'] })
    await reactor.lines.find(isAlarm('spread'), 'the alarm')
    expect(jobsOf('spread')).toHaveLength(1)
  })

  it('is cut where it goes through a job that a minion asks for', async () => {
    await run('call', 'web1', 'test.version')
    expect(await cutOf('asks')).toMatchObject({ details: ['asks', 'asks'] })
    await reactor.lines.find(isAlarm('asks'), 'the alarm')
    expect(jobsOf('asks')).toHaveLength(1)
  })
})
