// The clock of a machine is set forward and back by hours while all of `reactor up` runs on it.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, type SeenLine, startReactor } from './reactor.ts'

const HOURS = 3_600_000
const RULES = `
rule: plain
on: load/plain/*
do:
  - runner.event.send: { tag: "effect/plain/{{ data.n }}", data: { n: "{{ data.n }}" } }
---
rule: once
on: load/once/*
throttle: { once_within: 1h, by: "{{ data.key }}" }
do:
  - runner.event.send: { tag: "effect/once/{{ data.n }}", data: { n: "{{ data.n }}" } }
---
rule: third
on: load/third/*
count: { at_least: 3, within: 1h, by: "{{ data.key }}" }
do:
  - runner.event.send: { tag: "effect/third/{{ data.n }}", data: { n: "{{ data.n }}" } }
---
rule: absent
on: load/absent/*
absent: { for: 2s, by: "{{ data.n }}" }
do:
  - runner.event.send: { tag: "effect/absent/{{ data.n }}", data: { n: "{{ data.n }}" } }
---
rule: tried
on: load/tried/*
retry: { attempts: 2, backoff: 300ms..300ms }
do:
  - runner.test.fail: { message: "not {{ data.n }}" }
on_failure:
  - runner.event.send: { tag: "effect/tried/{{ data.n }}", data: { n: "{{ data.n }}" } }
`

let reactor: Running
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-clock-'))
  await setClock(0)
  const rules = await mkdtemp(join(dir, 'rules-'))
  await writeFile(join(rules, 'load.yaml'), RULES)
  const preload = pathToFileURL(join(import.meta.dirname, 'clock-preload.mjs'))
  reactor = await startReactor({
    args: ['--id', 'web1'],
    rules,
    config: { schedule: { tick: { function: 'runner.event.send', kwargs: { tag: 'effect/tick' }, seconds: 1 } } },
    env: { NODE_OPTIONS: `--import ${preload}`, CLOCK_FILE: join(dir, 'clock') },
  })
})
afterAll(async () => {
  await reactor.clean()
  await rm(dir, { recursive: true, force: true })
})

/** At once in every process; those that start later have it too. */
async function setClock(ahead: number): Promise<void> {
  await writeFile(join(dir, 'clock.new'), String(ahead))
  await rename(join(dir, 'clock.new'), join(dir, 'clock'))
}

const tags = (prefix: string) => reactor.lines.items.filter(({ tag }) => tag?.startsWith(prefix)).map(({ tag }) => tag)
const effect = (name: string) => reactor.lines.find(({ tag }: SeenLine) => tag === `effect/${name}`, `effect/${name}`)
const send = async (tag: string, data: Record<string, unknown>) =>
  expect(await reactor.run('send', tag, JSON.stringify(data))).toMatchObject({ code: 0 })
/** Two more slots of an entry of every second. */
async function ticks(): Promise<void> {
  const before = tags('effect/tick').length
  await reactor.lines.find(() => tags('effect/tick').length >= before + 2, 'the next slots of the schedule')
}

/** Something of each kind, numbered so that its effects are told from those of before. */
async function load(n: number): Promise<void> {
  await send(`load/plain/${n}`, { n })
  await send(`load/once/${n}`, { n, key: 'same' })
  await send(`load/third/${n}`, { n, key: 'same' })
  await send(`load/absent/${n}`, { n })
}

it('a clock that is set forward and back by hours: nothing is lost, doubled, or held up', async () => {
  await load(1)
  await ticks()
  await effect('plain/1')
  await effect('once/1')
  await effect('absent/1')

  await setClock(5 * HOURS)
  await load(2)
  await ticks()
  await effect('plain/2')
  await effect('absent/2')
  // Windows go by the time at which the server stored the events: an hour of theirs is not over.
  expect(tags('effect/once')).toEqual(['effect/once/1'])

  await setClock(-5 * HOURS)
  await load(3)
  // The attempt waits by the server's clock; a worker whose own is behind may have it sooner, and not later.
  await send('load/tried/3', { n: 3 })
  await ticks()
  await effect('plain/3')
  await effect('third/3')
  await effect('absent/3')
  await effect('tried/3')
  expect(await reactor.run('call', 'web1', 'test.echo', 'back')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('back'),
  })

  await setClock(0)
  await load(4)
  await ticks()
  await effect('plain/4')
  await effect('absent/4')
  await send('load/tried/4', { n: 4 })
  await effect('tried/4')
  expect(await reactor.run('call', 'web1', 'test.echo', 'again')).toMatchObject({ code: 0 })

  // Each effect once, and of those that remember the right ones.
  for (const kind of ['plain', 'absent', 'once', 'third', 'tried'])
    expect(new Set(tags(`effect/${kind}`)).size).toBe(tags(`effect/${kind}`).length)
  expect(tags('effect/once')).toEqual(['effect/once/1'])
  expect(tags('effect/third')).toEqual(['effect/third/3'])
}, 120_000)
