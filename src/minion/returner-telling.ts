// What a minion says of its returners, in its log and as events: states at once, what may come with every return once and then
// together, once a minute.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createTelling, type Telling } from '../base/telling.ts'
import { cut } from '../base/text.ts'
import type { DataOf } from '../protocol/catalogue/define.ts'
import type { RETURNER_EVENTS } from '../protocol/catalogue/minion.ts'
import type { ReturnerQueue } from './returner-queue.ts'

type SaidOf<K extends keyof typeof RETURNER_EVENTS> = Omit<DataOf<(typeof RETURNER_EVENTS)[K]>, 'id'>
type ReturnerSaid = SaidOf<'returner'>
type RefusalSaid = SaidOf<'returner_refused'>
type SettingsSaid = SaidOf<'returner_settings'>

type Unknown = Pick<SettingsSaid, 'ret' | 'settings' | 'jid'>
type Size = Pick<ReturnerQueue, 'size' | 'bytes'>

export interface ReturnerTelling {
  down(returner: string, queue: Size, error: unknown): void
  up(returner: string, queue: Size): void
  room(state: 'filling' | 'full', returner: string, all: Size): void
  refused(returner: string, jid: string, reason: string): void
  /** Of the names the first are said. */
  unknownSettings(unknown: Unknown): void
  /** Says what was held back. */
  stop(): void
}

export interface ReturnerTellingParts {
  /** Fires the event; does not wait and does not fail. */
  say(what: keyof typeof RETURNER_EVENTS, data: Record<string, unknown>): void
  /** Bytes that may wait. */
  mostBytes: number
  log: Log
}

/** Stores choose the length of their words. */
const MOST_REASON = 500
const MOST_SETTINGS = 20
export const reasonOf = (error: unknown): string => cut(errorMessage(error), MOST_REASON)

export function createReturnerTelling({ say, mostBytes, log }: ReturnerTellingParts): ReturnerTelling {
  const sayState = (returner: string, state: ReturnerSaid['state'], { size, bytes }: Size, reason: string) =>
    say('returner', { returner, state, waiting: size, bytes, reason } satisfies ReturnerSaid)

  const refusals = new Map<string, Telling<{ jid: string; reason: string }>>()
  const refusalsOf = (returner: string) => {
    const known = refusals.get(returner)
    if (known) return known
    const telling = createTelling<{ jid: string; reason: string }>((count, [first]) => {
      const said = { returner, jid: first!.jid, reason: first!.reason, count } satisfies RefusalSaid
      log.error(said, 'a returner never takes these returns; they are kept in refused-returns.jsonl')
      say('returner_refused', said)
    })
    refusals.set(returner, telling)
    return telling
  }
  const unknown = createTelling<Unknown>((count, [first]) => {
    const { ret, settings } = first!
    const names = settings.map(name => `'${name}'`).join(', ')
    const reason = `none of the returners ${ret} has ${names} (ret_kwargs): the return goes there without`
    const said = { ...first!, reason, count } satisfies SettingsSaid
    log.warn(said, 'a call brought along settings that its returners do not have')
    say('returner_settings', said)
  })

  return {
    down(returner, queue, error) {
      const reason = reasonOf(error)
      log.warn({ returner, reason }, 'a returner takes no returns; they wait on disk until it does')
      sayState(returner, 'down', queue, reason)
    },
    up(returner, queue) {
      log.info({ returner, waiting: queue.size }, 'a returner takes returns again')
      sayState(returner, 'up', queue, '')
    },
    room(state, returner, all) {
      const reason =
        state === 'full'
          ? `no more returns wait on disk for returners: minion.returner_spool is ${mostBytes} bytes; the job cache has them all the same`
          : `returns that wait on disk for returners take most of minion.returner_spool (${mostBytes} bytes)`
      log.error({ returner, bytes: all.bytes }, reason)
      sayState(returner, state, all, reason)
    },
    refused: (returner, jid, reason) => refusalsOf(returner).add([{ jid, reason }]),
    unknownSettings: one => unknown.add([{ ...one, settings: one.settings.slice(0, MOST_SETTINGS) }]),
    stop() {
      for (const telling of [...refusals.values(), unknown]) {
        telling.flush()
        telling.stop()
      }
    },
  }
}
