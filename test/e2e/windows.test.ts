// Stateful rules in real time: what people write, with the processes as they run, and a leader that is killed.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFire, type Fire } from '../../src/bus/fire.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type Running, startReactor } from './reactor.ts'

const answer = (tag: string, data: string) => `do:\n  - runner.event.send: { tag: ${tag}, data: ${data} }\n`
const RULES = [
  `rule: fails\non: login/failed\ncount: { at_least: 3, within: 1m, by: "{{ data.user }}" }\n${answer('answer/fails', '{ user: "{{ window.key }}", n: "{{ window.count }}" }')}`,
  `rule: burst\non: burst/*\ngroup: { for: 1s }\n${answer('answer/burst', '{ tags: "{{ window.events | map(attribute=\'tag\') | list }}" }')}`,
  `rule: once\non: noisy/*\nthrottle: { once_within: 1h }\n${answer('answer/once', '{ n: "{{ data.n }}" }')}`,
  `rule: silent\non: backup/begin\nabsent: { for: 5s, until: backup/end, by: "{{ data.host }}" }\n${answer('answer/silent', '{ host: "{{ window.key }}" }')}`,
]

describe('stateful rules of a running reactor', () => {
  let reactor: Running
  let rules: string
  let nc: NatsConnection
  let publisher: Publisher
  let fire: Fire
  beforeAll(async () => {
    rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    await writeFile(join(rules, 'windows.yaml'), RULES.join('---\n'))
    reactor = await startReactor({ rules })
    const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed))
    nc = await connect({ servers: reactor.ready.server, authenticator, inboxPrefix: operatorInbox('admin') })
    publisher = createPublisher(nc)
    fire = createFire(publisher, createSubjects('reactor'), userOrigin('admin'))
  })
  afterAll(async () => {
    publisher?.stop()
    await nc?.close()
    await reactor.clean()
    await rm(rules, { recursive: true, force: true })
  })
  /** In one go, so that no time passes between them. */
  const send = (...events: [tag: string, data: Record<string, unknown>][]) =>
    Promise.all(events.map(([tag, data]) => fire(tag, data)))
  const answered = (tag: string) => reactor.lines.find(line => line.tag === tag, tag)
  const answers = (tag: string) => reactor.lines.items.filter(line => line.tag === tag).map(({ data }) => data)

  it('are loaded', () => {
    expect(reactor.ready.rules).toMatchObject({ loaded: 4, problems: 0 })
  })

  it('count, by key', async () => {
    await send(...['ann', 'bob', 'ann', 'ann'].map((user): [string, { user: string }] => ['login/failed', { user }]))
    expect((await answered('answer/fails')).data).toMatchObject({ user: 'ann', n: 3 })
  })

  it('hold back and collect', async () => {
    await send(['noisy/1', { n: 1 }], ['noisy/2', { n: 2 }], ['burst/a', {}], ['burst/b', {}])
    expect((await answered('answer/once')).data).toMatchObject({ n: 1 })
    expect((await answered('answer/burst')).data.tags).toEqual(['burst/a', 'burst/b'])
    expect(answers('answer/once')).toHaveLength(1)
  })

  it('miss once what does not come, though the reactor is killed while it waits', async () => {
    await send(['backup/begin', { host: 'db1' }], ['backup/begin', { host: 'db2' }], ['backup/end', { host: 'db1' }])
    process.kill(reactor.ready.processes.react!, 'SIGKILL')
    expect((await answered('answer/silent')).data).toMatchObject({ host: 'db2' })
    // What comes after it is folded by the one that took over.
    await send(...Array.from({ length: 3 }, (): [string, { user: string }] => ['login/failed', { user: 'eve' }]))
    await reactor.lines.find(({ tag, data }) => tag === 'answer/fails' && data.user === 'eve', 'the count after it')
    expect(answers('answer/silent')).toHaveLength(1)
  })
})
