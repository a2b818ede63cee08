// How a beacon is declared: a file of the folder `beacons/` whose default export it is, named as the file. It looks at something
// of its machine at every interval and says how it finds it; what of that becomes an event is the engine's to decide.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/** How often something is told. Options of every beacon, and of single things that it looks at. */
export interface Telling {
  /** Only when its state is another than before. Default: each time that it is to be told. */
  onchangeonly?: boolean
  /** Whether its first state is told. Default: true. */
  emitatstartup?: boolean
  /** Seconds for which a change must last before it is told. Default: 0. */
  delay?: number
}

/** Those as options: a beacon of several things has them for each. */
export const tellingOptions = {
  onchangeonly: z.boolean().optional().describe('tell only when its state is another than before'),
  emitatstartup: z.boolean().optional().describe('whether its first state is told; default true'),
  delay: z.number().nonnegative().optional().describe('seconds for which a change must last before it is told'),
}

/** How one thing was found. Each poll gives all things that it looks at, whether they are as they should be or not. */
export interface Observation {
  /** What follows the beacon's name in the tag: `nginx` of `salt/beacon/<id>/service/nginx`. Default: empty, as in `salt/beacon/<id>/load/`. */
  tag?: string
  /** Which of its things this is, where several have one tag, as the processes of `ps`. Default: the tag. */
  thing?: string
  data: Record<string, unknown>
  /** What it is in a word, such as `running` or `over`: `onchangeonly` looks at changes of it. None: an occurrence, which is always told. */
  state?: string
  /** False: it is as it should be, and told as a change alone, where `onchangeonly` is set. Default: true. */
  tell?: boolean
  /** Overrides those of the beacon. */
  telling?: Telling
}

export interface BeaconContext {
  /** The minion's id. */
  readonly id: string
  readonly log: Log
  grains(): Readonly<Record<string, unknown>>
  /** The minion's `module_config`. */
  readonly config: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  now(): number
  /** Aborted when the beacon is closed. */
  readonly signal: AbortSignal
}

export interface OpenBeacon {
  /** How it is now, or what has happened since the last call. Never called twice at once. What it throws is logged once, and it is tried again at the next interval. */
  poll(): Promise<readonly Observation[]> | readonly Observation[]
  close?(): Promise<void> | void
}

export interface BeaconSpec<O extends z.ZodType> {
  /** What it looks at: a first line that stands alone, then its events' data, and `Example:` with lines of YAML as they stand in the config. */
  doc: string
  /** Its settings but the common ones, as one map. */
  options: O
  /** Throws `bad_config` on what no try will mend. */
  open(options: z.output<O>, context: BeaconContext): Promise<OpenBeacon> | OpenBeacon
}

const MARK = Symbol.for('reactor.beacon')

export interface BeaconDefinition {
  readonly [MARK]: true
  readonly doc: string
  readonly options: z.ZodType
  open(options: unknown, context: BeaconContext): Promise<OpenBeacon> | OpenBeacon
}

/** Throws `bad_module` on a spec without a doc, options or an `open`. */
export function beacon<O extends z.ZodType>({ doc, options, open }: BeaconSpec<O>): BeaconDefinition {
  if (typeof doc !== 'string' || typeof open !== 'function' || typeof options?.safeParse !== 'function')
    throw new ReactorError(
      'bad_module',
      'a beacon has a doc, options and an open: beacon({ doc, options: z.strictObject({ … }), open: options => ({ poll }) })',
    )
  return { [MARK]: true, doc: doc.trim(), options, open: open as BeaconDefinition['open'] }
}

export function isBeaconDefinition(value: unknown): value is BeaconDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}
