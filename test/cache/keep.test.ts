// How cache workers keep their returners going: when they look, and what a stop waits for.
import type { ConsumerInfo } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepReturning } from '../../src/cache/returning/keep.ts'
import { eventReturnConsumer } from '../../src/protocol/returner-consumers.ts'
import { keptLog } from '../helpers/core.ts'
import { createGate } from '../helpers/wait.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const LOOK_MS = 10_000
const HOUR = 3_600_000

const alarms = { raise: () => undefined, clear: () => undefined }

async function looksOfAnHour(infos: ConsumerInfo[]): Promise<number> {
  let looks = 0
  const running = await keepReturning({
    slots: {
      async look() {
        looks += 1
        return { claimed: new Map(), without: [], infos }
      },
    },
    ...{ kept: [], onLook: async () => undefined, lookEveryMs: LOOK_MS, alarms, log: keptLog().log },
  })
  await vi.advanceTimersByTimeAsync(HOUR)
  await running.stop()
  return looks
}

it('looks seldom where no returner is configured and none has left anything', async () => {
  expect(await looksOfAnHour([])).toBeLessThan(10)
})

it('looks on where another has left a consumer, until that is gone', async () => {
  const left = { name: 'left' } as ConsumerInfo
  expect(await looksOfAnHour([left])).toBeGreaterThanOrEqual(HOUR / LOOK_MS)
})

it('a stop waits for what a returner still stores whose consumer was lost', async () => {
  const use = { what: 'event_return', returner: 'one' } as const
  const stored = createGate()
  let lose = () => {}
  let follows = 0
  const running = await keepReturning({
    slots: {
      look: async () => ({
        claimed: new Map([['event_return one', eventReturnConsumer('ns', follows, 'one')]]),
        ...{ without: [], infos: [] },
      }),
    },
    kept: [
      {
        use,
        async follow(_consumer, onLost) {
          const isFirst = follows++ === 0
          if (isFirst) lose = onLost
          return { stop: () => (isFirst ? stored.passed : Promise.resolve()) }
        },
      },
    ],
    ...{ onLook: async () => undefined, lookEveryMs: LOOK_MS, alarms, log: keptLog().log },
  })
  lose()
  await vi.advanceTimersByTimeAsync(1)
  expect(follows).toBe(2)
  let isOver = false
  const stopping = running.stop().then(() => {
    isOver = true
  })
  await vi.advanceTimersByTimeAsync(1)
  expect(isOver).toBe(false)
  stored.open()
  await stopping
})
