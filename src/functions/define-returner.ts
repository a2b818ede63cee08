// How a returner is declared: a file of the folder `returners/` whose default export it is, named as the file. It takes results to
// a store, and where it can, reads them from there. What it can do are the methods that it has.
import type { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { JobLoad, StoredEvent, StoredReturn } from '../protocol/returned.ts'
import type { Profiles } from './context.ts'

/**
 * An open store. Methods may be called at once. Records that a method takes are stored when it resolves, all or some of them
 * where it throws: it is called with them again. So the same record again leaves one. A method that cannot do its work now throws
 * anything; one that can never take a record that it was given throws `refused`.
 */
export interface ReturnerStore {
  /** Keyed by jid; the later one stands. */
  save_load?(loads: readonly JobLoad[]): Promise<void>
  /** Keyed by jid and minion; the later one stands. */
  returner?(returns: readonly StoredReturn[]): Promise<void>
  /** `endtime` is a stamp. Of a job that is not there nothing is kept. */
  update_endtime?(ends: readonly { jid: string; endtime: string }[]): Promise<void>
  /** Keyed by the event's id where the store has keys. */
  event_return?(events: readonly StoredEvent[]): Promise<void>
  /** Undefined: there is none. */
  get_load?(jid: string): Promise<KnownLoad | undefined>
  /** Returns of one job by minion. Of those for which there is no room `return` is `{_left_out: '<why>'}`. */
  get_jid?(jid: string, limits?: ReadLimits): Promise<Record<string, StoredReturn>>
  /** The ids alone of those that `get_jid` gives, without reading the returns; who lacks it is asked for those. */
  get_jid_minions?(jid: string): Promise<string[]>
  /** Loads by jid; of large stores the newest 10,000. */
  get_jids?(): Promise<Record<string, KnownLoad>>
  /** Newest first. */
  get_jids_filter?(filter: JidsFilter): Promise<KnownLoad[]>
  /** The newest return of a function from each minion. */
  get_fun?(fun: string): Promise<Record<string, StoredReturn>>
  /** Ids that have ever returned, sorted. */
  get_minions?(): Promise<string[]>
  /** Removes jobs whose jid is older than that, with their returns, and events; how many jobs. Milliseconds since the epoch. */
  clean_old_jobs?(beforeMs: number): Promise<number>
  /** Lets go of connections, once what is in hand has ended. */
  close(): Promise<void>
}

export interface ReadLimits {
  /** So many bytes of returns are read, their lengths being known before; default: all. */
  maxBytes?: number
  /** Gives the read up, that the store works on no longer: it rejects with the signal's reason. */
  signal?: AbortSignal
}

export type KnownLoad = JobLoad & { endtime?: string }

export interface JidsFilter {
  /** At most so many. */
  count: number
  /** Only jobs before this jid. */
  before?: string
  /** Leave out saltutil.find_job; default: they are left out, as in Salt. */
  filter_find_job?: boolean
}

/** The methods beside `close`, in the order in which docs list them. */
export const CAPABILITIES = [
  'returner',
  'save_load',
  'update_endtime',
  'event_return',
  'get_load',
  'get_jid',
  'get_jid_minions',
  'get_jids',
  'get_jids_filter',
  'get_fun',
  'get_minions',
  'clean_old_jobs',
] as const satisfies readonly (keyof ReturnerStore)[]
export type Capability = (typeof CAPABILITIES)[number]

/** What the program gives a returner. */
export interface ReturnerContext {
  readonly log: Log
  /** This process: a minion's id, or the name of a service such as `_cache`. */
  readonly id: string
  readonly profiles: { readonly smtp: Profiles; readonly http: Profiles }
  /** Another returner with its options, for one that hands on to others. Throws `bad_config`. */
  open(name: string): Promise<ReturnerStore>
}

export type OptionShape = Readonly<Record<string, z.ZodType>>
export type OptionsOf<O extends OptionShape> = { [K in keyof O]: z.output<O[K]> }

export interface ReturnerSpec<O extends OptionShape> {
  /** What it keeps and where: a first line that stands alone, then whatever else one should know. */
  doc: string
  /** Its settings by name, each described: `host` is `mysql.host` in the config. */
  options?: O
  /** What a store of it can do; of one that hands on to others: at most. */
  can: readonly Capability[]
  /** Makes what it needs in the store, such as tables; may be called again. What it did, a sentence each. */
  create?(options: OptionsOf<O>, context: ReturnerContext): Promise<string[]>
  /** Connects at the first use, not here: a store that is down now may be there later. Throws `bad_config` on what no try will mend. */
  open(options: OptionsOf<O>, context: ReturnerContext): Promise<ReturnerStore> | ReturnerStore
}

/** Ids of the minions that have returned to a job, from a store that has its returns. */
export const minionsOfJob = async (
  store: Pick<ReturnerStore, 'get_jid' | 'get_jid_minions'>,
  jid: string,
): Promise<string[]> => store.get_jid_minions?.(jid) ?? Object.keys((await store.get_jid?.(jid, { maxBytes: 0 })) ?? {})

const MARK = Symbol.for('reactor.returner')

export interface ReturnerDefinition {
  readonly [MARK]: true
  readonly doc: string
  readonly options: OptionShape
  readonly can: readonly Capability[]
  create?(options: Record<string, unknown>, context: ReturnerContext): Promise<string[]>
  open(options: Record<string, unknown>, context: ReturnerContext): Promise<ReturnerStore> | ReturnerStore
}

/** Throws `bad_module` on a spec without a doc, an `open`, or anything that it can do. */
export function returner<O extends OptionShape = Record<never, never>>(spec: ReturnerSpec<O>): ReturnerDefinition {
  const { doc, options, can, create, open } = spec
  if (typeof doc !== 'string' || typeof open !== 'function' || !Array.isArray(can) || can.length === 0)
    throw new ReactorError(
      'bad_module',
      "a returner has a doc, what it can do, and an open: returner({ doc, can: ['returner'], open: options => ({ … }) })",
    )
  const unknown = can.filter(name => !(CAPABILITIES as readonly string[]).includes(name))
  if (unknown.length > 0)
    throw new ReactorError('bad_module', `a returner can ${CAPABILITIES.join(', ')}; got ${unknown.join(', ')}`)
  return {
    [MARK]: true,
    doc: doc.trim(),
    options: options ?? {},
    can,
    ...(create ? { create: create as NonNullable<ReturnerDefinition['create']> } : {}),
    open: open as ReturnerDefinition['open'],
  }
}

export function isReturnerDefinition(value: unknown): value is ReturnerDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

/** What a store throws that can never take a record: others of the same call may be taken. */
export const refused = (message: string, cause?: unknown): ReactorError =>
  new ReactorError('record_refused', message, {}, cause)

export const isRefused = (error: unknown): boolean => error instanceof ReactorError && error.code === 'record_refused'
