// Streams that are full: who reads them stands still, what comes is told of before it is refused, and all goes on by itself.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFire, type Fire } from '../../src/bus/fire.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import type { Seen } from '../helpers/wait.ts'
import { type Running, startReactor, watchEffects } from './reactor.ts'

const RULES = `
rule: effect
on: load/*
do:
  - runner.event.send: { tag: "effect/{{ data.n }}", data: { n: "{{ data.n }}", pad: "{{ data.pad }}" } }
`
const PAD = 'p'.repeat(10_000)
/** Sixteen messages of the reactor's, each of which holds up to 256 KiB of reactions. */
const ROOM = 4 * 1024 * 1024
/** About twice as many as the bounded stream of reactions holds. */
const EVENTS = 800
const names = streamNames('reactor')

describe('a full stream', () => {
  let reactor: Running
  let rules: string
  let nc: NatsConnection
  let jsm: JetStreamManager
  let publisher: Publisher
  let fire: Fire
  let effects: Seen<number>
  beforeAll(async () => {
    rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    await writeFile(join(rules, 'load.yaml'), RULES)
    reactor = await startReactor({ args: ['--id', 'web1', '--isolation', 'none'], rules })
    nc = await connect({ servers: reactor.ready.server })
    jsm = await jetstreamManager(nc, { checkAPI: false })
    publisher = createPublisher(nc)
    fire = createFire(publisher, createSubjects('reactor'), userOrigin('admin'))
    effects = await watchEffects(nc)
  })
  afterAll(async () => {
    publisher.stop()
    await nc.close()
    await reactor.clean()
    await rm(rules, { recursive: true, force: true })
  })

  const bound = async (stream: string, bytes: number) => {
    const { config } = await jsm.streams.info(stream)
    await jsm.streams.update(stream, { ...config, max_bytes: bytes })
  }
  const signal = (name: string, which: NodeJS.Signals) => process.kill(reactor.ready.processes[name]!, which)
  const alarm = (about: string) =>
    reactor.lines.find(({ tag }) => tag === `salt/alarm/store_full/${about}`, `the alarm about ${about}`)

  it('of reactions holds the reactor back and loses none: each is run once when the job workers go on', async () => {
    signal('jobs', 'SIGSTOP')
    try {
      await bound(names.reactions, ROOM)
      const events = Array.from({ length: EVENTS }, (_, n) =>
        fire(`load/${n}`, { n, pad: PAD }, { deadlineMs: 20_000 }),
      )
      await Promise.all(events)
      expect((await alarm('REACTIONS')).data).toMatchObject({
        message: expect.stringMatching(/REACTIONS is \d+ % full/),
      })
      expect((await jsm.streams.info(names.reactions)).state.bytes).toBeLessThanOrEqual(ROOM)
    } finally {
      signal('jobs', 'SIGCONT')
    }
    await effects.reach(EVENTS)
    expect([...effects.items].sort((a, b) => a - b)).toEqual(Array.from({ length: EVENTS }, (_, n) => n))
    await bound(names.reactions, 512 * 1024 * 1024)
  })

  it('of events is told of, then refuses with the reason, and takes them again once they are read', async () => {
    // What was read would be removed while this fills it, again and again.
    await jsm.streams.purge(names.events)
    signal('react', 'SIGSTOP')
    try {
      await bound(names.events, 2 * 1024 * 1024)
      const used = async () => {
        const { state, config } = await jsm.streams.info(names.events)
        return state.bytes / config.max_bytes
      }
      const told = alarm('EVENTS')
      let waiting = true
      const over = () => {
        waiting = false
      }
      told.then(over, over)
      const put = () => fire('other/fill', { pad: PAD }, { deadlineMs: 5000 })
      while (waiting) if ((await used()) < 0.93) await Promise.all(Array.from({ length: 10 }, put))
      expect((await told).data).toMatchObject({ message: expect.stringMatching(/EVENTS is \d+ % full/) })
      const fill = async () => {
        for (;;) await put()
      }
      await expect(fill()).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringContaining('maximum bytes'),
      })
    } finally {
      signal('react', 'SIGCONT')
    }
    const again = async (): Promise<unknown> =>
      fire('load/1000', { n: 1000, pad: '' }, { deadlineMs: 5000 }).catch(again)
    await again()
    await effects.find(n => n === 1000, 'the effect of an event after it')
  })
})
