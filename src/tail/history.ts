// Past events, page by page, from the service that keeps them.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { asReactorError } from '../base/errors.ts'
import { requestJson } from '../bus/request.ts'
import type { HistoryPage, HistoryRequest, SeenEvent } from '../cache/history.ts'
import type { Subjects } from '../protocol/subject.ts'

export type AskHistory = (request: HistoryRequest) => Promise<HistoryPage>

const PAGE_TIMEOUT_MS = 5000
const START_PATIENCE_MS = 3000
const RETRY_MS = 250

export const askHistory =
  (nc: NatsConnection, subjects: Subjects): AskHistory =>
  request =>
    requestJson<HistoryPage>(nc, subjects.historyEvents, request, {
      timeoutMs: PAGE_TIMEOUT_MS,
      what: 'reading past events',
    })

/** Sequence of the last stored event. */
export const lastStored = async (ask: AskHistory): Promise<number> =>
  (await ask({ after_seq: Number.MAX_SAFE_INTEGER, limit: 1 })).last_seq

/** Takes a page: its events, and the sequence up to which it tells of everything. False ends the reading. */
export type OnPage = (events: readonly SeenEvent[], upTo: number) => boolean

/**
 * Reads from a time, or from behind a sequence, up to what is the end when it begins. `replaced` where the store ends
 * before that sequence, which only another store can. Throws what the service answers.
 */
export async function readHistory(
  ask: AskHistory,
  from: { since: number } | { after: number },
  onPage: OnPage,
): Promise<'read' | 'replaced'> {
  let position = 'after' in from ? from.after : 0
  let end: number | undefined
  for (;;) {
    const page = await ask(end === undefined && 'since' in from ? { since: from.since } : { after_seq: position })
    if (page.last_seq < position) return 'replaced'
    end ??= page.last_seq
    // A page that tells of nothing further: the rest of the store is empty.
    position = page.next_seq > position ? page.next_seq : end
    if (!onPage(page.events, position) || position >= end) return 'read'
  }
}

/** Reads from a time on, at the start of a tail: the service may still be on its way, so there is a moment of patience. */
export async function readFromStart(ask: AskHistory, since: number, onPage: OnPage, clock: Clock): Promise<void> {
  const giveUp = clock.now() + START_PATIENCE_MS
  for (;;) {
    let begun = false
    const giveOn: OnPage = (events, upTo) => {
      begun = true
      return onPage(events, upTo)
    }
    try {
      await readHistory(ask, { since }, giveOn)
      return
    } catch (error) {
      if (asReactorError(error).code !== 'unreachable' || begun || clock.now() >= giveUp) throw error
      await clock.sleep(RETRY_MS)
    }
  }
}
