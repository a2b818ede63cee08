// How a driver of clouds is declared: a file of the folder `clouds/` whose default export it is, named as the file. It says how
// machines of one kind are asked for, looked at, set up and taken away; the order, the events, the times and what is done about
// failures are the engine's.
import type { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/** A machine as its provider has it. */
export interface CloudInstance {
  /** What the provider calls it. */
  id: string
  /** The name that it was asked for under, which is the id of its minion. */
  name: string
  /** `pending`: it will be running; a machine that is anything else than these two is not waited for. */
  state: 'pending' | 'running' | 'stopped' | (string & {})
  image?: string
  size?: string
  private_ips: string[]
  public_ips: string[]
  /** The public key of its minion, where the provider knows it: events of its end then name it, so that this key alone is deleted. */
  public_key?: string
  /** More that `cloud.full_query` shows; no secrets. */
  extra?: Record<string, unknown>
}

/** What a new minion is to be. */
export interface CloudMinion {
  id: string
  /** Its whole config file but for `minion.dir`; a path in it (`tls.ca`) is one of this machine. */
  config: Record<string, unknown>
}

export interface CloudContext {
  /** The provider's name in the config. */
  readonly provider: string
  /** A folder for what the driver keeps on this machine; it may not be there yet. */
  readonly dir: string
  readonly log: Log
}

/** Each call ends soon after its signal is aborted. Errors may name what the provider said: secrets of the config are taken out of them. */
export interface OpenCloud<P> {
  /** All machines that were made here, also those that do not run. */
  list(signal: AbortSignal): Promise<readonly CloudInstance[]>
  /**
   * Asks for a machine, and gives its id once the provider has one. Throws where there is one of that name. What it throws
   * after, it has taken back what it had made.
   */
  request(wanted: { name: string; profile: P }, signal: AbortSignal): Promise<{ id: string }>
  /** How it is now; undefined: there is none of that id. Asked again every `pollMs` until it runs and has an address, and until it is gone. */
  query(id: string, signal: AbortSignal): Promise<CloudInstance | undefined>
  /** Whether it can be set up yet. Asked again every `pollMs`. */
  answers(instance: CloudInstance, signal: AbortSignal): Promise<boolean>
  /**
   * Sets up its minion and starts it. Gives the public key that this minion has, as the machine itself said over a way that
   * nobody else can speak on: by it alone the minion is known when it asks to be let in.
   */
  deploy(instance: CloudInstance, minion: CloudMinion, signal: AbortSignal): Promise<{ public_key: string }>
  /** Takes it away, in whatever state it is. Throws what is left where it cannot. */
  destroy(instance: CloudInstance, signal: AbortSignal): Promise<void>
  close?(): Promise<void> | void
}

export interface CloudSpec<O extends z.ZodType, P extends z.ZodType> {
  /** What machines it makes: a first line that stands alone, then `Example:` with lines of YAML as they stand in the config. */
  doc: string
  /** Settings of a provider but `driver` and `minion`, as one map. */
  options: O
  /** What a profile has but `provider` and `minion`, as one map. */
  profile: P
  /** Keys of both whose values are secrets, beside those whose name says so. */
  secrets?: readonly string[]
  /** Milliseconds between looks at a machine. Default: 5000. */
  pollMs?: number
  /** Connects to nothing yet. Throws `bad_config` on what no try will mend. */
  open(options: z.output<O>, context: CloudContext): Promise<OpenCloud<z.output<P>>> | OpenCloud<z.output<P>>
}

const MARK = Symbol.for('reactor.cloud')
const POLL_MS = 5000

export interface CloudDefinition {
  readonly [MARK]: true
  readonly doc: string
  readonly options: z.ZodType
  readonly profile: z.ZodType
  readonly secrets: readonly string[]
  readonly pollMs: number
  open(options: unknown, context: CloudContext): Promise<OpenCloud<unknown>> | OpenCloud<unknown>
}

/** Throws `bad_module` on a spec without a doc, options, a profile or an `open`. */
export function cloud<O extends z.ZodType, P extends z.ZodType>(spec: CloudSpec<O, P>): CloudDefinition {
  const { doc, options, profile, secrets = [], pollMs = POLL_MS, open } = spec
  const shapes = [options, profile].every(shape => typeof shape?.safeParse === 'function')
  if (typeof doc !== 'string' || typeof open !== 'function' || !shapes)
    throw new ReactorError(
      'bad_module',
      'a cloud has a doc, options, a profile and an open: cloud({ doc, options: z.strictObject({ … }), profile: z.strictObject({ … }), open: options => ({ list, request, query, answers, deploy, destroy }) })',
    )
  return {
    ...{ [MARK]: true as const, doc: doc.trim(), options, profile, secrets, pollMs },
    open: open as CloudDefinition['open'],
  }
}

export function isCloudDefinition(value: unknown): value is CloudDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}
