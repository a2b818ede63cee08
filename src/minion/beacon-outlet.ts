// How what beacons find leaves the minion: by its spool, which holds so much of each beacon and no more. While the link is away
// nothing is said twice, so that this is room for a long time; past it, or where the disk is full, the newest state of each thing
// is held back, and what only happens is counted.
import type { Clock } from '../base/clock.ts'
import type { DurableMap } from '../base/durable-map.ts'
import { asReactorError, errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createTelling } from '../base/telling.ts'
import type { Finding } from '../beacon/poll.ts'
import { beaconDropped, beaconFound } from '../protocol/catalogue/beacons.ts'
import { formatStamp } from '../protocol/event.ts'
import type { Hide } from './hidden.ts'
import type { Spool, Spooled } from './spool.ts'

export interface BeaconOutlet extends Running {
  say(beacon: string, finding: Finding): void
}

export interface BeaconOutletParts {
  id: string
  spool: Pick<Spool, 'fire'>
  /** What waits on disk. */
  file: Pick<DurableMap<Spooled>, 'values'>
  connected(): boolean
  hide: Hide
  /** Events of one beacon that wait at most. */
  most?: number
  clock: Clock
  log: Log
}

type Fired = [tag: string, data: Record<string, unknown>]

/** What of one beacon found no room. */
interface HeldBack {
  /** By thing. */
  newest: Map<string, Fired>
  dropped?: { count: number; from: number; to: number }
}

const MOST = 1000
/** Things of one beacon of which the newest state is held back. */
const MOST_HELD = 10_000
const AGAIN_MS = 1000

export function createBeaconOutlet(parts: BeaconOutletParts): BeaconOutlet {
  const { id, spool, file, connected, hide, most = MOST, clock, log } = parts
  const onTheWay = new Map<string, number>()
  const heldBack = new Map<string, HeldBack>()
  const stopping = new AbortController()
  let retrying = false
  const refusals = createTelling<string>((count, first) =>
    log.error({ count, error: first[0] }, 'an event of a beacon could not be fired'),
  )

  const isFull = (beacon: string): boolean => {
    // Of what is being written nothing stands in the file yet; what is being sent still does.
    let waiting = 0
    const [ownTags] = hidden(beaconFound.tag({ id, beacon, tag: '' }), {})
    for (const { tag } of file.values.values()) if (tag.startsWith(ownTags)) waiting++
    return Math.max(waiting, onTheWay.get(beacon) ?? 0) >= most
  }
  const hidden = (tag: string, data: Record<string, unknown>): Fired => [hide(tag), hide(data)]
  /** `stands`: for how many events this one does. */
  const fire = (beacon: string, event: Fired, thing: string | undefined, stands = 1) => {
    onTheWay.set(beacon, (onTheWay.get(beacon) ?? 0) + 1)
    spool
      .fire(...event, { keep: true })
      .catch(error => {
        refusals.add([errorMessage(error)])
        // Link, disk and the room of the store may all be back; one that the server will not have stays lost.
        if (
          ['unwritable', 'unreachable', 'store_refused'].includes(asReactorError(error).code) &&
          !stopping.signal.aborted
        )
          hold(beacon, event, thing, { stands, isOlder: true })
      })
      .finally(() => onTheWay.set(beacon, onTheWay.get(beacon)! - 1))
  }
  const hold = (beacon: string, event: Fired, thing: string | undefined, { stands = 1, isOlder = false } = {}) => {
    const held = heldBack.get(beacon) ?? { newest: new Map<string, Fired>() }
    heldBack.set(beacon, held)
    const isHeld = thing !== undefined && held.newest.has(thing)
    const isKept = thing !== undefined && (isHeld ? !isOlder : held.newest.size < MOST_HELD)
    if (isHeld || !isKept) {
      const now = clock.now()
      held.dropped ??= { count: 0, from: now, to: now }
      held.dropped.count += stands
      held.dropped.to = now
    }
    if (isKept) held.newest.set(thing, event)
    void retry()
  }
  const release = (beacon: string, { newest, dropped }: HeldBack, hasRoom = () => !isFull(beacon)) => {
    if (dropped && hasRoom()) {
      const { count, from, to } = dropped
      const data = { id, beacon, count, from: formatStamp(from), to: formatStamp(to) }
      fire(beacon, hidden(...beaconDropped.of({ id, beacon }, data)), undefined, count)
      heldBack.set(beacon, { newest })
    }
    for (const [thing, event] of newest) {
      if (!hasRoom()) return
      newest.delete(thing)
      fire(beacon, event, thing)
    }
    if (hasRoom()) heldBack.delete(beacon)
  }
  const retry = async () => {
    if (retrying) return
    retrying = true
    while (heldBack.size > 0 && !stopping.signal.aborted) {
      await clock.sleep(AGAIN_MS, stopping.signal).catch(() => undefined)
      for (const [beacon, held] of heldBack) release(beacon, held)
    }
    retrying = false
  }
  return {
    say(beacon, { tag, data, told, thing }) {
      if (told === 'again' && !connected()) return
      const event = hidden(...beaconFound.of({ id, beacon, tag }, { ...data, id }))
      if (heldBack.has(beacon)) {
        if (told === 'change') hold(beacon, event, thing)
        return
      }
      if (!isFull(beacon)) return fire(beacon, event, thing)
      if (told !== 'change') return
      log.warn({ beacon, most }, 'so many events of a beacon wait to be sent that no more of it are kept')
      hold(beacon, event, thing)
    },
    async stop() {
      stopping.abort()
      // There are no more of them than things.
      for (const [beacon, held] of heldBack) release(beacon, held, () => true)
      refusals.stop()
    },
  }
}
