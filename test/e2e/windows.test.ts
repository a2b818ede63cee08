// Stateful rules in real time: what people write, with the processes as they run, and a leader that is killed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Running, startReactor } from './reactor.ts'

const answer = (tag: string, data: string) => `do:\n  - runner.event.send: { tag: ${tag}, data: ${data} }\n`
const RULES = [
  `rule: fails\non: login/failed\ncount: { at_least: 3, within: 1m, by: "{{ data.user }}" }\n${answer('answer/fails', '{ user: "{{ window.key }}", n: "{{ window.count }}" }')}`,
  `rule: burst\non: burst/*\ngroup: { for: 1s }\n${answer('answer/burst', '{ tags: "{{ window.events | map(attribute=\'tag\') | list }}" }')}`,
  `rule: once\non: noisy/*\nthrottle: { once_within: 1h }\n${answer('answer/once', '{ n: "{{ data.n }}" }')}`,
  `rule: silent\non: backup/begin\nabsent: { for: 15s, until: backup/end, by: "{{ data.host }}" }\n${answer('answer/silent', '{ host: "{{ window.key }}" }')}`,
]

describe('stateful rules of a running reactor', () => {
  let reactor: Running
  let rules: string
  beforeAll(async () => {
    rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    await writeFile(join(rules, 'windows.yaml'), RULES.join('---\n'))
    reactor = await startReactor({ rules })
  })
  afterAll(async () => {
    await reactor.clean()
    await rm(rules, { recursive: true, force: true })
  })
  const send = async (tag: string, data: object) => {
    const { code } = await reactor.run('send', tag, JSON.stringify(data))
    expect(code).toBe(0)
  }
  const answered = (tag: string) => reactor.lines.find(line => line.tag === tag, tag)
  const answers = (tag: string) => reactor.lines.items.filter(line => line.tag === tag).map(({ data }) => data)

  it('are loaded', () => {
    expect(reactor.ready.rules).toMatchObject({ loaded: 4, problems: 0 })
  })

  it('count, by key', async () => {
    for (const user of ['ann', 'bob', 'ann', 'ann']) await send('login/failed', { user })
    expect((await answered('answer/fails')).data).toMatchObject({ user: 'ann', n: 3 })
  })

  it('hold back and collect', async () => {
    for (const n of [1, 2]) await send(`noisy/${n}`, { n })
    await send('burst/a', {})
    expect((await answered('answer/once')).data).toMatchObject({ n: 1 })
    expect((await answered('answer/burst')).data.tags).toContain('burst/a')
    expect(answers('answer/once')).toHaveLength(1)
  })

  it('miss once what does not come, though the reactor is killed while it waits', async () => {
    await send('backup/begin', { host: 'db1' })
    await send('backup/begin', { host: 'db2' })
    await send('backup/end', { host: 'db1' })
    process.kill(reactor.ready.processes.react!, 'SIGKILL')
    expect((await answered('answer/silent')).data).toMatchObject({ host: 'db2' })
    // What comes after it is folded by the one that took over.
    for (let n = 0; n < 3; n++) await send('login/failed', { user: 'eve' })
    await reactor.lines.find(({ tag, data }) => tag === 'answer/fails' && data.user === 'eve', 'the count after it')
    expect(answers('answer/silent')).toHaveLength(1)
  })
})
