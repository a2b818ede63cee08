// Beacons of a test's own, on the engine of a minion, with a clock that the test turns.

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { ReactorError } from '../../src/base/errors.ts'
import type { Beacons } from '../../src/beacon/load.ts'
import { type BeaconDefinition, beacon, type Observation } from '../../src/functions/define-beacon.ts'
import { createMinionBeacons } from '../../src/minion/beacons.ts'
import { openBeaconsFile } from '../../src/minion/beacons-file.ts'
import type { Spooled } from '../../src/minion/spool.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen } from '../helpers/wait.ts'
import { createHandClock } from '../schedule/hand-clock.ts'

export const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
export const SECRET = 'a-secret-of-the-pillar'

export interface FiredEvent {
  tag: string
  data: Record<string, unknown>
}

/** The world around the beacons: it outlives their stops. */
export async function createPlace() {
  const dir = await testFolder()
  const clock = createHandClock(NOW)
  const { log, lines } = keptLog()
  const fired = createSeen<FiredEvent>()
  const world = {
    /** What `thing` finds; a function is called. */
    found: [] as Observation[] | (() => Observation[] | Promise<Observation[]>),
    connected: true,
    running: false,
    begun: 0,
  }
  /** When which beacon was opened, looked and was closed, in seconds. */
  const did: string[] = []
  const hanging = createGate()
  const at = () => (clock.now() - NOW) / 1000
  const definitions: Record<string, BeaconDefinition> = {
    thing: beacon({
      doc: 'Finds what the test says.',
      options: z.strictObject({ threshold: z.number().optional(), token: z.string().optional() }),
      open: ({ threshold = 0 }, { id, log }) => {
        did.push(`open ${threshold} ${at()}`)
        return {
          async poll() {
            did.push(`poll ${at()}`)
            log.info({ id, SECRET }, 'thing looks')
            return typeof world.found === 'function' ? world.found() : world.found
          },
          close: () => void did.push(`close ${at()}`),
        }
      },
    }),
    hangs: beacon({
      doc: 'Hangs.',
      options: z.strictObject({}),
      open: () => ({ poll: () => hanging.passed.then(() => []) }),
    }),
    never: beacon({
      doc: 'Cannot be opened.',
      options: z.strictObject({}),
      open: () => {
        did.push(`never ${at()}`)
        throw new ReactorError('bad_config', 'there is no such file')
      },
    }),
  }
  const beacons: Beacons = {
    names: () => Object.keys(definitions).sort(),
    async load(name) {
      const definition = definitions[name]
      if (!definition) throw new ReactorError('bad_config', `there is no beacon '${name}'.`)
      return definition
    },
  }
  /** What waits on disk: as the spool has it. */
  const spooled = new Map<string, Spooled>()
  let count = 0
  const spool = {
    async fire(tag: string, data: Record<string, unknown>) {
      if (world.connected) return fired.push({ tag, data })
      spooled.set(String(++count), { tag, data, stamp: '', hops: 0 })
    },
  }
  /** The link is back: what waited goes. */
  const connect = () => {
    world.connected = true
    for (const { tag, data } of spooled.values()) fired.push({ tag, data })
    spooled.clear()
  }

  const start = async (config: Record<string, unknown> = {}) => {
    const file = await openBeaconsFile(join(dir, 'beacons.jsonl'), log)
    const minion = createMinionBeacons({
      ...{ id: 'm1', beacons, file, config, clock, log },
      ...{ moduleConfig: {}, grains: () => ({}) },
      stateRuns: { running: () => world.running, begun: () => world.begun },
      ...{ spool, spooled: { values: spooled }, connected: () => world.connected },
      hide: value => JSON.parse(JSON.stringify(value).replaceAll(SECRET, '[redacted]')),
    })
    await minion.start()
    let closed = false
    const close = async () => {
      if (closed) return
      closed = true
      await minion.stop()
      await file.close()
    }
    onTestFinished(async () => {
      hanging.open()
      await close()
    })
    return { ...minion, ...minion.operations, close }
  }
  const isSaid = (text: string) => lines.items.some(line => JSON.stringify(line).includes(text))
  return { dir, clock, world, did, fired, spooled, connect, hanging, start, lines, isSaid }
}

export const state = (state: string, more: Partial<Observation> = {}): Observation => ({
  data: { state },
  state,
  ...more,
})
