// Processes are killed with -9 under a steady stream of events: nothing is lost, and nothing runs twice unknowingly.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, nkeyAuthenticator } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import type { Decision, Parked } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createGate, within } from '../helpers/wait.ts'
import { startReactor } from './reactor.ts'

const EVENTS = 300
const KILLS = { 60: 'jobs', 120: 'react', 180: 'cache', 240: 'minion' } as const

const RULES = `
rule: effect
on: load/*
do:
  - runner.event.send: { tag: "effect/{{ data.n }}", data: { n: "{{ data.n }}" } }
---
rule: local
on: load/*
do:
  - local.test.echo: { tgt: web1, args: ["n{{ data.n }}"] }
`

it('decides on every event and does nothing twice when jobs, react, cache and minion are killed under load', async () => {
  const rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
  onTestFinished(() => rm(rules, { recursive: true, force: true }))
  await writeFile(join(rules, 'load.yaml'), RULES)
  const reactor = await startReactor({ args: ['--id', 'web1', '--no-tail'], rules })
  onTestFinished(() => reactor.clean())

  const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
  const nc = await connect({
    servers: reactor.ready.server,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: operatorInbox('admin'),
  })
  const publisher = createPublisher(nc)
  onTestFinished(async () => {
    publisher.stop()
    await nc.close()
  })
  const decided = new Set<string>()
  let wanted: string[] | undefined
  const all = createGate()
  const unknown = new Set<string>()
  const effects: number[] = []
  const echoes: string[] = []
  nc.subscribe('reactor.decision.done.>', {
    callback: (_error, message) => {
      for (const one of message.json<{ decisions: Decision[] }>().decisions) decided.add(one.key)
      if (wanted?.every(key => decided.has(key))) all.open()
    },
  })
  nc.subscribe('reactor.decision.parked.>', {
    callback: (_error, message) => void unknown.add(message.json<Parked>().key),
  })
  nc.subscribe('reactor.live._jobs.effect.*', {
    callback: (_error, message) => void effects.push(message.json<{ data: { n: number } }>().data.n),
  })
  nc.subscribe('reactor.live.web1.salt.job.*.ret.>', {
    callback: (_error, message) => void echoes.push(String(message.json<{ data: { return: unknown } }>().data.return)),
  })
  await nc.flush()

  const fire = createFire(publisher, createSubjects('reactor'), userOrigin('admin'))
  const ids: string[] = []
  for (let n = 0; n < EVENTS; n++) {
    ids.push((await fire(`load/${n}`, { n })).id)
    const victim = KILLS[n as keyof typeof KILLS]
    if (victim) process.kill(reactor.ready.processes[victim]!, 'SIGKILL')
  }

  wanted = ids.flatMap(id => [`${id}/effect`, `${id}/local`])
  await within(all.passed, 'the decision on every event')
  for (const victim of Object.values(KILLS))
    await reactor.said.find(line => line.includes(`${victim} is running again`), `the return of ${victim}`)

  // An effect that was begun when its worker was killed may be missing, and then it is parked as unknown; none is double.
  expect(effects.length).toBe(new Set(effects).size)
  const missing = ids.filter((_id, n) => !effects.includes(n))
  expect(missing.filter(id => !unknown.has(`${id}/effect`))).toEqual([])
  expect(effects.length).toBeGreaterThan(EVENTS - 50)
  expect(echoes.length).toBe(new Set(echoes).size)
})
