// Alarms: events `salt/alarm/<kind>/<about>` about what needs a person. One and the same is raised once an hour, whichever
// process sees it and however often: who stores its mark first fires it.
import { performance } from 'node:perf_hooks'
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { openBucket } from '../bus/bucket.ts'
import type { Fire } from '../bus/fire.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'

/**
 * `loop`: rules that trigger each other were cut; `rule`: one that keeps failing; `lane`: one whose reactions pile up; `parked`:
 * the store of parked reactions takes no more; `store_full`: a stream will soon refuse what comes; `events_expiring`: events are
 * about to go unread; `window_keys`: a rule has more keys than are kept.
 */
export const ALARM_KINDS = ['loop', 'rule', 'lane', 'parked', 'store_full', 'events_expiring', 'window_keys'] as const
export type AlarmKind = (typeof ALARM_KINDS)[number]

export interface Alarms {
  /** Does not wait and does not fail; `about` is a rule's name, a cycle's, or empty. */
  raise(kind: AlarmKind, about: string, data: Record<string, unknown>): void
  /** The next time it is raised anew, however soon: what it told of has ended. */
  clear(kind: AlarmKind, about: string): void
}

const AGAIN_AFTER_MS = 3_600_000

export async function openAlarms(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  fire: Fire,
  log: Log,
): Promise<Alarms> {
  const bucket: KV = await openBucket(nc, bucketNames(ns).alarms, { replicas, markerTtlMs: AGAIN_AFTER_MS })
  /** By this process, so that a storm of one alarm costs the server nothing. */
  const raised = new Map<string, number>()

  const tell = async (kind: AlarmKind, about: string, key: string, data: Record<string, unknown>) => {
    try {
      await bucket.create(key, JSON.stringify({ at: Date.now() }), `${AGAIN_AFTER_MS / 1000}s`)
    } catch (error) {
      if ((error as { code?: number }).code === WRONG_LAST_SEQUENCE) return
      // Told twice is better than not at all.
      log.warn({ alarm: kind, error: errorMessage(error) }, 'the mark of an alarm cannot be stored')
    }
    log.warn({ alarm: kind, ...data }, 'alarm')
    await fire(about === '' ? `salt/alarm/${kind}` : `salt/alarm/${kind}/${about}`, { kind, about, ...data })
  }

  const unmark = (kind: AlarmKind, key: string) =>
    void bucket
      .purge(key)
      .catch(error => log.warn({ alarm: kind, error: errorMessage(error) }, 'an alarm stays marked'))

  return {
    raise(kind, about, data) {
      const key = `${kind}.${escapeToken(about)}`
      const now = performance.now()
      if (now - (raised.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS) return
      raised.set(key, now)
      tell(kind, about, key, data).catch(error => {
        // Not told: its mark must not keep anybody from telling it.
        raised.delete(key)
        unmark(kind, key)
        log.error({ alarm: kind, ...data, error: errorMessage(error) }, 'an alarm could not be fired')
      })
    },
    clear(kind, about) {
      const key = `${kind}.${escapeToken(about)}`
      if (raised.delete(key)) unmark(kind, key)
    },
  }
}

const WRONG_LAST_SEQUENCE = 10071
