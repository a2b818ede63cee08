// A minion's schedule on a real engine and real files, with a clock that the test turns.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Returners } from '../../src/minion/returners.ts'
import { createMinionSchedule, type MinionSchedule } from '../../src/minion/schedule.ts'
import { openScheduleFile } from '../../src/minion/schedule-file.ts'
import { createSeen } from '../helpers/wait.ts'
import { createHandClock } from '../schedule/hand-clock.ts'
import { createWorld, NOW } from './engine.ts'

export { NOW } from './engine.ts'

interface Options {
  returners?: string[]
  take?: Returners['take']
}

/** The world around the schedule: it outlives its stops, and time goes on in it. */
export async function createPlace() {
  const world = await createWorld()
  const clock = createHandClock(NOW)
  Object.defineProperty(world.clock, 'now', { get: clock.now })
  const skips = createSeen<{ tag: string; data: Record<string, unknown> }>()
  const grains: Record<string, unknown> = {}

  const start = async (config: Record<string, unknown> = {}, options: Options = {}) => {
    const file = await openScheduleFile(join(world.dir, 'schedule'), world.log)
    let schedule: MinionSchedule | undefined
    const engine = await world.start({
      ...(options.take ? { take: options.take } : {}),
      schedule(held, take) {
        schedule = createMinionSchedule({
          ...{ id: 'm1', file, held, take, clock, log: world.log },
          ...{ config: { timezone: 'UTC', ...config }, returners: options.returners ?? [], runMs: 3_600_000 },
          grains: () => grains,
          say: async (tag, data) => skips.push({ tag, data }),
        })
        return schedule
      },
    })
    const close = async () => {
      await engine.close()
      await file.close()
    }
    onTestFinished(close)
    return { ...schedule!, ...schedule!.operations, engine, file, close }
  }
  /** Of runs of an entry, in the order in which they came. */
  const returnsOf = (name: string) => world.returns.items.filter(({ data }) => data.schedule === name)
  const nthReturn = async (name: string, n: number) => {
    await world.returns.find(() => returnsOf(name).length >= n, `return ${n} of ${name}`)
    return returnsOf(name)[n - 1]!.data
  }
  return { ...world, clock, skips, grains, start, returnsOf, nthReturn }
}
