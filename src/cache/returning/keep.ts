// Keeps the returners of the master going: each follows its own consumer as soon as there is one, and another one where it was
// lost. Looks again and again, since other cache workers, also with another config, make and leave consumers.
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { createInHand } from '../../base/in-hand.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { formatUse, type Use } from '../../protocol/returner-consumers.ts'
import type { WantedConsumer } from '../../protocol/streams.ts'
import type { Look, Slots, Without } from './slots.ts'

export interface Kept {
  use: Use
  /** `onLost` is called when its consumer is gone, or another's. */
  follow(consumer: WantedConsumer, onLost: () => void): Promise<Running>
}

export interface KeepParts {
  slots: Slots
  kept: readonly Kept[]
  /** Hears of each look. */
  onLook(look: Look): Promise<void>
  lookEveryMs: number
  alarms: Alarms
  log: Log
}

/** So many times as long it is not looked, where there is nothing to keep and nothing was found: another worker may leave something. */
const SELDOM = 60

/** The first look is over when it resolves; throws what it throws. */
export async function keepReturning(parts: KeepParts): Promise<Running> {
  const { slots, kept, lookEveryMs, alarms, log } = parts
  const following = new Map<string, { consumer: string; running: Running }>()
  /** Uses of which it was said that they have no consumer. */
  const told = new Set<string>()
  const ending = createInHand(error =>
    log.warn({ error: errorMessage(error) }, 'what a returner had in hand could not be brought to an end'),
  )
  let stopped = false
  let failing = false
  let woken = false
  let seldom = false
  let endPause: () => void = () => undefined

  const lost = (name: string) => {
    if (stopped) return
    const running = following.get(name)?.running
    following.delete(name)
    const message = `the consumer of ${name} is gone, or another returner's by now: it gets nothing until it has another one, and not what came meanwhile`
    log.error({ use: name }, message)
    alarms.raise('returner', name, { message })
    if (running) ending.add(running.stop())
    woken = true
    endPause()
  }
  const tellWithout = ({ use, others, areRead }: Without) => {
    const name = formatUse(use)
    const whose = others.map(other => `'${other}'`).join(', ')
    const message = `${name} gets nothing: ${others.length === 1 ? 'its consumer is' : 'all consumers are'} for ${whose}, and is given to it once nobody reads ${others.length === 1 ? 'that' : 'one of them'} any more; all cache workers must have one config`
    if (!told.has(name)) log.warn({ use: name }, message)
    told.add(name)
    if (areRead) alarms.raise('returner', name, { message })
  }

  const look = async () => {
    const found = await slots.look()
    seldom = kept.length === 0 && found.infos.length === 0
    for (const { use, follow } of kept) {
      const name = formatUse(use)
      const consumer = found.claimed.get(name)
      if (!consumer || stopped) continue
      const followed = following.get(name)
      if (followed?.consumer === consumer.durable_name) continue
      if (followed) lost(name)
      let isLost = false
      const running = await follow(consumer, () => {
        isLost = true
        lost(name)
      }).catch(ignoringLost)
      if (!running || isLost) {
        await running?.stop()
        continue
      }
      following.set(name, { consumer: consumer.durable_name, running })
      told.delete(name)
    }
    found.without.forEach(tellWithout)
    await parts.onLook(found)
  }

  const pause = () =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, seldom ? SELDOM * lookEveryMs : lookEveryMs)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async () => {
    while (!stopped) {
      if (!woken) await pause()
      if (stopped) return
      woken = false
      try {
        await look()
        failing = false
      } catch (error) {
        if (!failing)
          log.warn({ error: errorMessage(error) }, 'the consumers of returners cannot be looked at; it is tried again')
        failing = true
      }
    }
  }

  const stopAll = async () => {
    for (const { running } of following.values()) ending.add(running.stop())
    await ending.settle()
  }
  try {
    await look()
  } catch (error) {
    stopped = true
    await stopAll()
    throw error
  }
  const running = run()
  return {
    async stop() {
      stopped = true
      endPause()
      await running
      await stopAll()
    },
  }
}

/** Another worker has removed it since we looked: there is another look. */
function ignoringLost(error: unknown): undefined {
  if (error instanceof ReactorError && error.code === 'not_found') return undefined
  throw error
}
