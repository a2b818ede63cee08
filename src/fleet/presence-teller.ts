// Tells of presence: one master does, by a lease, and each loss is told once whoever dies on the way. All masters keep the table.
//
// Whoever leads writes the change that it is going to tell, together with what is present then, by compare-and-set; then it fires
// the events, in order, under ids that stand in what it wrote; then it writes that they are told. Who takes over reads that, and
// writes it again before anything else: from then on every write of the one before fails. A change that it finds there may have
// been told or not: the last stored event of its kind says how far that was, and the ids make one of what both tell at once. A
// master that starts takes those that were told as present for present and gives them their limit, so a restart changes nothing.
// And whoever begins to lead believes the one before of whom it has not heard since: that one may have heard longer.
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Fire } from '../bus/fire.ts'
import type { Lease, Leases } from '../bus/lease.ts'
import { presenceChange, presencePresent } from '../protocol/catalogue/presence.ts'
import { newEventId } from '../protocol/event.ts'
import { changeParts, idParts } from './presence-parts.ts'
import type { PresenceTable } from './presence-table.ts'
import type { Told, ToldStore } from './presence-told.ts'

export interface TellerParts {
  leases: Leases
  store: ToldStore
  table: PresenceTable
  /** The table's time. */
  now(): number
  fire: Fire
  /** The id of the last stored `salt/presence/change`. */
  lastTold(): Promise<string | undefined>
  /** How long changes are gathered, milliseconds. */
  gatherMs: number
  /** How often a changed list of slow minions is kept, milliseconds. */
  keepSlowMs: number
  /** How often the list of all is told, milliseconds; undefined: never. */
  presentEveryMs: number | undefined
  /** Bytes of a message. */
  maxPayload(): number
  log: Log
}

const LEASE = 'presence'
/** Then the lease is looked at again. */
const FIRE_WITHIN_MS = 10_000
const NOTHING: Told = { present: [], slow: {} }

export function startTeller(parts: TellerParts): Running {
  const { leases, store, table, fire, gatherMs, log } = parts
  const stopping = new AbortController()
  const pause = () => delay(gatherMs, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined)
  const eventBytes = () => Math.floor(parts.maxPayload() / 2)
  const trouble = createTrouble(log)

  const lead = async (lease: Lease) => {
    const leads = () => lease.valid() && !stopping.signal.aborted
    const found = await store.read()
    let told = found.told ?? NOTHING
    let { revision } = found
    /** False: another leads. */
    const write = async (next: Told): Promise<boolean> => {
      const written = await store.write(next, revision)
      if (written === undefined) return false
      revision = written
      told = next
      return true
    }
    if (!leads() || !(await write(told))) return
    table.adopt(told.present, told.slow, parts.now())
    let untold = told.change && { ...told.change, from: await firstUntold(told.change.id, parts.lastTold) }
    let slowKept = performance.now()
    let presentTold = Number.NEGATIVE_INFINITY

    /** False: another leads. */
    const round = async (): Promise<boolean> => {
      if (!untold) {
        const present = table.present()
        const change = changeOf(told.present, present)
        if (change) {
          const next = { id: newEventId(), parts: changeParts(change, eventBytes()) }
          if (!(await write({ present, slow: table.slow(), change: next }))) return false
          untold = { ...next, from: 0 }
        } else if (performance.now() - slowKept > parts.keepSlowMs) {
          slowKept = performance.now()
          const slow = table.slow()
          if (!sameKeys(slow, told.slow) && !(await write({ present, slow }))) return false
        }
      }
      if (untold) {
        for (; untold.from < untold.parts.length; untold.from++) {
          if (!leads()) return false
          const { id, from } = untold
          const one = presenceChange.of({}, untold.parts[from]!)
          await fire(...one, { id: eventId(id, from), deadlineMs: FIRE_WITHIN_MS })
        }
        const { present, slow } = told
        if (!leads() || !(await write({ present, slow }))) return false
        untold = undefined
      }
      if (parts.presentEveryMs !== undefined && performance.now() - presentTold >= parts.presentEveryMs) {
        presentTold = performance.now()
        for (const data of presentData(told.present, eventBytes()))
          await fire(...presencePresent.of({}, data), { deadlineMs: FIRE_WITHIN_MS })
      }
      return true
    }

    await pause()
    // Not before: where this process was stopped until now, the table knows by this time.
    table.concede(told.present, parts.now())
    while (leads()) {
      try {
        if (!(await round())) return
        trouble.over()
      } catch (error) {
        trouble.met(error)
      }
      await pause()
    }
  }

  const run = async () => {
    while (!stopping.signal.aborted) {
      const lease = await leases.take(LEASE, stopping.signal)
      if (!lease) return
      try {
        await lead(lease)
      } catch (error) {
        trouble.met(error)
      } finally {
        await lease.release()
      }
      await pause()
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const eventId = (change: string, place: number): string => `${change}-${place}`

/** The place of the first event of a change that is not stored. */
async function firstUntold(change: string, lastTold: TellerParts['lastTold']): Promise<number> {
  const last = (await lastTold()) ?? ''
  return last.startsWith(`${change}-`) ? Number(last.slice(change.length + 1)) + 1 : 0
}

/** Undefined: nothing. Both are sorted, and so is what is in it. */
function changeOf(before: readonly string[], after: readonly string[]): { new: string[]; lost: string[] } | undefined {
  if (before === after) return undefined
  const [was, is] = [new Set(before), new Set(after)]
  const change = { new: after.filter(id => !was.has(id)), lost: before.filter(id => !is.has(id)) }
  return change.new.length + change.lost.length > 0 ? change : undefined
}

function presentData(ids: readonly string[], maxBytes: number): { present: string[]; part?: number; parts?: number }[] {
  const parts = idParts(ids, maxBytes)
  if (parts.length === 1) return [{ present: parts[0]! }]
  return parts.map((present, at) => ({ present, part: at + 1, parts: parts.length }))
}

const sameKeys = (one: object, other: object): boolean =>
  Object.keys(one).sort().join() === Object.keys(other).sort().join()

/** Said once for as long as it lasts. */
function createTrouble(log: Log) {
  let told = false
  return {
    met(error: unknown) {
      if (!told)
        log.error(
          { error: errorMessage(error) },
          'changes of presence cannot be told; it is tried until they can, and none is forgotten',
        )
      told = true
    },
    over() {
      if (told) log.info('changes of presence are told again')
      told = false
    },
  }
}
