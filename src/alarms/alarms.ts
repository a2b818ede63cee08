// Alarms: events `salt/alarm/<kind>/<about>` about what needs a person. One and the same is raised once an hour, whichever
// process sees it and however often: who stores its mark first fires it, and who finds a mark that was not told of tells it.
import { createHash } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { mirrorBucket, openBucket } from '../bus/bucket.ts'
import type { Fire } from '../bus/fire.ts'
import { isWrongSequence } from '../bus/overtaken.ts'
import { type ALARMS, type AlarmKind, alarmTag } from '../protocol/catalogue/alarms.ts'
import type { DataOf } from '../protocol/catalogue/define.ts'
import { newEventId } from '../protocol/event.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'

export type AlarmData<K extends AlarmKind> = Omit<DataOf<(typeof ALARMS)[K]>, 'kind' | 'about'>

export interface Alarms {
  /** Does not wait and does not fail; `about` is a rule's or a store's name, or empty, and never what others chose. */
  raise<K extends AlarmKind>(kind: K, about: string, data: AlarmData<K>): void
  /** The next time it is raised anew, however soon: what it told of has ended, whichever process told it. */
  clear(kind: AlarmKind, about: string): void
}

const AGAIN_AFTER_MS = 3_600_000
const AGAIN_AFTER = `${AGAIN_AFTER_MS / 1000}s`
/** Alarms that a process remembers: the server has the marks of all. */
const MOST_REMEMBERED = 1000
/** Characters of what an alarm is about, in subjects. */
const LONGEST = 200

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
  const marks = await mirrorBucket<true>(nc, bucket, {
    read: () => true,
    // Cleared by another process: it may be raised anew from here too.
    onChange: (key, there) => void (there ?? raised.delete(key)),
    log,
  })

  /** The id of its event, made with the mark and kept in it; undefined: it is told of. */
  const mark = async (kind: AlarmKind, key: string): Promise<string | undefined> => {
    const id = newEventId()
    try {
      await bucket.create(key, JSON.stringify({ at: Date.now(), id }), AGAIN_AFTER)
    } catch (error) {
      if (isWrongSequence((error as { code?: number }).code)) return untold(key)
      // Told twice is better than not at all.
      log.warn({ alarm: kind, error: errorMessage(error) }, 'the mark of an alarm cannot be stored')
    }
    return id
  }
  /** Who stored the mark may have ended before it came to fire: under the same id it is stored once. */
  const untold = async (key: string): Promise<string | undefined> => {
    const [there, told] = await Promise.all([bucket.get(key), bucket.get(toldKey(key))])
    if (there?.operation !== 'PUT' || told?.operation === 'PUT') return undefined
    const value: unknown = there.json()
    return isObject(value) && typeof value.id === 'string' ? value.id : undefined
  }

  const tell = async (kind: AlarmKind, about: string, key: string, data: Record<string, unknown>) => {
    const id = await mark(kind, key)
    if (id === undefined) return
    log.warn({ alarm: kind, ...data }, 'alarm')
    await fire(alarmTag(kind, nameOf(about)), { kind, about, ...data }, { id })
    try {
      await bucket.create(toldKey(key), JSON.stringify({ at: Date.now() }), AGAIN_AFTER)
    } catch (error) {
      if (isWrongSequence((error as { code?: number }).code)) return
      log.warn({ alarm: kind, error: errorMessage(error) }, 'it cannot be marked that an alarm was told')
    }
  }

  const unmark = (kind: AlarmKind, key: string) =>
    void Promise.all([bucket.purge(key), bucket.purge(toldKey(key))]).catch(error =>
      log.warn({ alarm: kind, error: errorMessage(error) }, 'an alarm stays marked'),
    )

  const remember = (key: string, now: number) => {
    raised.delete(key)
    raised.set(key, now)
    if (raised.size > MOST_REMEMBERED) raised.delete(raised.keys().next().value!)
  }

  return {
    raise(kind: AlarmKind, about: string, data: Record<string, unknown>) {
      const key = keyOf(kind, about)
      const now = performance.now()
      if (now - (raised.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS) return
      remember(key, now)
      tell(kind, about, key, data).catch(error => {
        // Not told: its mark must not keep anybody from telling it.
        raised.delete(key)
        unmark(kind, key)
        log.error({ alarm: kind, ...data, error: errorMessage(error) }, 'an alarm could not be fired')
      })
    },
    clear(kind, about) {
      const key = keyOf(kind, about)
      if (raised.delete(key) || marks.values.has(key)) unmark(kind, key)
    },
  }
}

/** What it is about as it stands in its tag and its key, which are parts of subjects: of a long one its hash. */
const nameOf = (about: string): string =>
  escapeToken(about).length > LONGEST ? createHash('sha256').update(about).digest('base64url') : about

const keyOf = (kind: AlarmKind, about: string): string => `${kind}.${escapeToken(nameOf(about))}`

const toldKey = (key: string): string => `${key}.told`
