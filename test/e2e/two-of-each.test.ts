// Two reactors and two job workers share a load, and those that are left take over what the others had when they are killed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import type { DecisionBatch } from '../../src/protocol/reaction.ts'
import { ACK_WAIT_MS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { seedIn } from '../chaos/nats.ts'
import { startObserver } from '../chaos/observer.ts'
import { createReader } from '../chaos/records.ts'
import { startSystem } from '../chaos/system.ts'
import { countEnds, judge } from '../chaos/verdict.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

const EVENTS = 3000
/** What may not run twice takes its time. */
const kindOf = (n: number) => (n % 16 === 0 ? 'once' : n % 4 === 1 ? 'shadow' : 'idempotent')
/** Two are killed when so many events are stored. */
const KILLED_AT = 1500
/** Not yet acked at once. */
const IN_FLIGHT = 100
/** What a killed one had in hand comes again after ACK_WAIT; an outcome that nobody knows is waited for as long once more. */
const TAKEN_OVER_MS = ACK_WAIT_MS * 2 + 15_000

it('two reactors and two job workers share a load, and one of each takes over what the killed ones had', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-two-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const observer = await startObserver()
  const system = await startSystem(dir, observer)
  onTestFinished(() => system.stop())
  const open = async (seed: Uint8Array, inboxPrefix: string): Promise<NatsConnection> => {
    const nc = await connect({ servers: system.nats.url, authenticator: nkeyAuthenticator(seed), inboxPrefix })
    onTestFinished(() => nc.close())
    return nc
  }
  const core = await open(system.nats.observerSeed, '_INBOX')
  const operator = await open(await seedIn(system.nats.seedFile('admin')), operatorInbox('admin'))

  /** Who wrote an entry of the ledger, and what was ended there. */
  const writers = createSeen<string>()
  const ended = new Set<string>()
  const all = createGate()
  let wanted: string[] | undefined
  core.subscribe('reactor.decision.done.>', {
    callback: (_error, message) => {
      const { worker, decisions, suppressed = [] } = message.json<DecisionBatch>()
      if (!writers.items.includes(worker)) writers.push(worker)
      for (const { event } of decisions) ended.add(event)
      for (const { events } of suppressed) for (const { id } of events) ended.add(id)
      if (wanted?.every(id => ended.has(id))) all.open()
    },
  })
  await core.flush()

  const publisher = createPublisher(operator)
  onTestFinished(() => publisher.stop())
  const fire = createFire(publisher, createSubjects('reactor'), userOrigin('admin'))
  const accepted = new Set<string>()
  let next = 0
  const fireUpTo = (limit: number) =>
    Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (next < limit) {
          const n = next++
          accepted.add((await fire(`load/${kindOf(n)}/${n}`, { n, slot: 0 })).id)
        }
      }),
    )
  const working = (first: string) => writers.items.filter(name => name.startsWith(first))
  await fireUpTo(KILLED_AT)
  // Each names itself in what it writes: a job worker with `w`, a reactor with `r`.
  await writers.find(() => working('w').length === 2 && working('r').length === 2, 'work of all four')
  const load = fireUpTo(EVENTS)
  await Promise.all(
    system.victims.filter(({ name }) => name === 'react1' || name === 'jobs1').map(victim => victim.kill()),
  )
  await load
  wanted = [...accepted]
  if (!wanted.every(id => ended.has(id))) await within(all.passed, 'the end of every reaction', TAKEN_OVER_MS)

  const records = await createReader(core, operator).read()
  const problems = judge({
    loaded: { accepted, jobs: [], fired: EVENTS },
    effects: await observer.effects(dir),
    records,
    views: new Map(),
  })
  expect(problems.map(({ what, about }) => `${about}: ${what}`)).toEqual([])
  expect(accepted.size).toBe(EVENTS)
  const parked = records.parked.length
  // Of what may not run twice only what was in hand may be in doubt.
  expect(parked, JSON.stringify(countEnds(records))).toBeLessThan(EVENTS / 16 / 2)
}, 120_000)
