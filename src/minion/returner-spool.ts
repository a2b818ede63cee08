// Returns on their way to returners, on disk: each under its job and where it goes, until the store there has it.
import { createHash } from 'node:crypto'
import { type DurableMap, openDurableMap } from '../base/durable-map.ts'
import { canonicalJson, isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { isJid } from '../protocol/jid.ts'
import type { StoredReturn } from '../protocol/returned.ts'
import { type Returning, returnerNames, returningOf } from '../protocol/returning.ts'
import { LOCAL } from '../returner/load.ts'

/** A returner with the settings that a job brings along; none: as the config of the minion has them. */
export interface Destination {
  returner: string
  ret_config?: string
  ret_kwargs?: Record<string, unknown>
}

/** A return on disk. */
export interface Undelivered {
  to: Destination
  returned: StoredReturn
}

/** Names a destination. */
export const destinationKey = ({ returner, ret_config, ret_kwargs }: Destination): string =>
  ret_config === undefined && ret_kwargs === undefined
    ? returner
    : `${returner}-${createHash('sha256')
        .update(canonicalJson([ret_config, ret_kwargs]))
        .digest('base64url')
        .slice(0, 22)}`

/** Each once; the same returner with settings of the job and without is two. `always`: names that every return goes to. */
export function destinationsOf(job: Returning, always: readonly string[]): Destination[] {
  const { ret = '', ...own } = returningOf(job)
  if (ret === '' && always.length === 0) return []
  const all = [
    ...returnerNames(ret).map((returner): Destination => ({ returner, ...own })),
    ...always.map((returner): Destination => ({ returner })),
  ]
  const byKey = new Map(all.map(to => [destinationKey(to), to]))
  return [...byKey.values()].filter(({ returner }) => returner !== LOCAL)
}

/** Of a line: its job, and where it goes. */
export const keyOf = ({ to, returned }: Undelivered): string => `${returned.jid}/${destinationKey(to)}`

/** Throws `unwritable`. */
export const openReturnerSpool = (file: string, log: Log): Promise<DurableMap<Undelivered>> =>
  openDurableMap(file, { read: readUndelivered, log })

export function readUndelivered(value: unknown): Undelivered {
  if (!isObject(value) || !isObject(value.to) || !isObject(value.returned)) throw new Error('expected {to, returned}')
  const { to, returned } = value
  if (typeof to.returner !== 'string') throw new Error("'to' has no returner")
  if (to.ret_config !== undefined && typeof to.ret_config !== 'string') throw new Error("'ret_config' must be a text")
  if (to.ret_kwargs !== undefined && !isObject(to.ret_kwargs)) throw new Error("'ret_kwargs' must be a map")
  if (!isJid(returned.jid) || typeof returned.id !== 'string') throw new Error("'returned' is no return")
  return value as unknown as Undelivered
}
