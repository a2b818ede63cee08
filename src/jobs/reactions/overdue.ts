// Retries whose time has passed and that the server has not handed out: one that is due while the stream is full it lets go of,
// and its schedule lies there until the server starts anew. Each is stored anew, or run from where it lies.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../base/clock.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import type { Publisher } from '../../bus/publish.ts'
import { attemptKey, type Reaction } from '../../protocol/reaction.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { inTurn } from '../control/in-turn.ts'
import type { Pending, StoredReaction } from '../control/pending.ts'
import type { Ledger } from '../ledger.ts'
import type { InHand } from './in-hand.ts'
import { scheduleAttempt } from './retry.ts'

export interface OverdueParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  pending: Pick<Pending, 'retries' | 'purgeRetry'>
  ledger: Pick<Ledger, 'has' | 'sync'>
  inHand: InHand
  /** Runs it here; false where it is in hand. */
  take(reaction: Reaction, ended: (settled: boolean) => void): boolean
  clock: Pick<Clock, 'now'>
  log: Log
  stopping: AbortSignal
}

/** The server hands them out within a second. */
const LATE_MS = 30_000
const AT_ONCE = 16
/** Of those that cannot be stored. */
const MOST_TAKEN = 100

/** Looks for what is late by `everyMs`, as often. */
export function startOverdue(parts: OverdueParts, everyMs = LATE_MS): Running {
  const { publisher, subjects, pending, ledger, inHand, clock, log } = parts
  let cursor = 1
  let looking: Promise<void> | undefined

  const find = async (): Promise<StoredReaction[]> => {
    const found: StoredReaction[] = []
    do {
      const { retries, next } = await pending.retries(cursor)
      cursor = next
      for (const one of retries) if (one.next !== undefined && one.next < clock.now() - everyMs) found.push(one)
      // Where one is, there are more.
    } while (found.length > 0 && cursor > 1 && !parts.stopping.aborted)
    return found
  }
  const run = async (one: StoredReaction) => {
    const { reaction } = one
    const id = idOf(one)
    const release = inHand.hold(id)
    const there = await inHand.elsewhere(id).catch(() => true)
    const ended = (settled: boolean) => {
      release()
      if (!settled) return
      pending
        .purgeRetry(one)
        .catch(error => log.warn({ attempt: id, error: errorMessage(error) }, 'a retry that was run cannot be removed'))
    }
    if (there || !parts.take(reaction, ended)) release()
  }
  const look = async () => {
    const found = await find()
    if (found.length === 0) return
    await ledger.sync(parts.stopping)
    const refused: StoredReaction[] = []
    await inTurn(found, AT_ONCE, async one => {
      const id = idOf(one)
      // Its next attempt waits elsewhere, or it has its end.
      if (ledger.has(id)) return pending.purgeRetry(one)
      try {
        await scheduleAttempt(publisher, subjects, one.reaction, one.next ?? 0, `overdue/${id}/${one.seq}`)
      } catch (error) {
        if (!(error instanceof ReactorError && error.code === 'store_refused')) throw error
        refused.push(one)
      }
    })
    log.warn({ retries: found.length, refused: refused.length }, 'retries were not handed out when they were due')
    // A stream that is full of them would never have room.
    await inTurn(refused.slice(0, MOST_TAKEN), AT_ONCE, run)
  }
  const timer = setInterval(() => {
    looking ??= look()
      .catch(error => {
        if (!parts.stopping.aborted) log.warn({ error: errorMessage(error) }, 'retries cannot be looked through')
      })
      .finally(() => {
        looking = undefined
      })
  }, everyMs)
  timer.unref()

  return {
    async stop() {
      clearInterval(timer)
      await looking
    },
  }
}

const idOf = ({ key, reaction }: StoredReaction): string => attemptKey(key, reaction.attempt)
