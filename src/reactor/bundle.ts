// The bundle: the rule set in force, stored under the hash of its content and made active by compare-and-set of one key,
// so that all reactors run the same rules and every decision can say which.
import { createHash } from 'node:crypto'
import type { KV } from '@nats-io/kv'
import { type ObjectStore, Objm } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { type Mirror, mirrorBucket, openBucket } from '../bus/bucket.ts'
import { bucketNames } from '../protocol/streams.ts'
import type { RuleDocument } from './rules/schema.ts'

export interface Bundle {
  /** First 16 hex digits of the SHA-256 of the rules as canonical JSON. */
  hash: string
  rules: RuleDocument[]
  /** Names of rules that a person has switched off: they decide nothing, and their matches are recorded as `off`. */
  off?: readonly string[]
}

export interface Activation {
  hash: string
  /** When, milliseconds since the epoch. */
  at: number
}

const ACTIVE = 'active'
const HISTORY = 32
const WRONG_LAST_SEQUENCE = 10071
const MAX_TRIES = 20
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5000

export interface BundleStore {
  /** The bundle in force; undefined before the first. */
  active(): Promise<Bundle | undefined>
  /** Stores the rules and makes them the bundle in force. `changed` is false when they are so already. */
  activate(rules: readonly RuleDocument[]): Promise<{ bundle: Bundle; changed: boolean }>
  /** Calls with each bundle that comes into force, the present one first; one that cannot be read is tried again. */
  follow(onBundle: (bundle: Bundle) => void): Promise<Mirror<Activation>>
}

export async function openBundleStore(
  nc: NatsConnection,
  ns: string,
  replicas: number,
  log: Log,
): Promise<BundleStore> {
  const names = bucketNames(ns)
  const keys: KV = await openBucket(nc, names.rules, { replicas, history: HISTORY })
  const objects: ObjectStore = await new Objm(nc).create(names.bundles, { replicas })

  const load = async (hash: string): Promise<Bundle> => {
    const blob = await objects.getBlob(hash)
    if (!blob) throw new ReactorError('internal', `bundle ${hash} is active and not in the store`)
    return { hash, rules: JSON.parse(new TextDecoder().decode(blob)) as RuleDocument[] }
  }
  const entry = async () => {
    const found = await keys.get(ACTIVE)
    return found?.operation === 'PUT' ? { revision: found.revision, hash: found.json<Activation>().hash } : undefined
  }

  return {
    async active() {
      const found = await entry()
      return found ? load(found.hash) : undefined
    },
    async activate(rules) {
      const text = canonicalJson(rules)
      const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
      const bundle: Bundle = { hash, rules: [...rules] }
      for (let tries = 1; ; tries++) {
        const before = await entry()
        if (before?.hash === hash) return { bundle, changed: false }
        // Writing one again would take its chunks from under a reader.
        if (!(await objects.info(hash))) await objects.putBlob({ name: hash }, new TextEncoder().encode(text))
        const activation = JSON.stringify({ hash, at: Date.now() } satisfies Activation)
        try {
          if (before) await keys.update(ACTIVE, activation, before.revision)
          else await keys.create(ACTIVE, activation)
          return { bundle, changed: true }
        } catch (error) {
          // Another feeder was quicker: what it made active is looked at again.
          if ((error as { code?: number }).code !== WRONG_LAST_SEQUENCE || tries === MAX_TRIES) throw error
        }
      }
    },
    async follow(onBundle) {
      let wanted: Activation | undefined
      let stopped = false
      const take = async (activation: Activation | undefined) => {
        if (!activation) return
        wanted = activation
        // A newer one may come while this one is read.
        for (let wait = FIRST_WAIT_MS; wanted === activation && !stopped; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
          const bundle = await load(activation.hash).catch(async error => {
            if (nc.isClosed()) throw error
            if (wait === FIRST_WAIT_MS)
              log.error(
                { bundle: activation.hash, error: errorMessage(error) },
                'a bundle cannot be read; the one before goes on while it is tried again',
              )
            await new Promise(resolve => setTimeout(resolve, wait).unref())
          })
          if (!bundle) continue
          if (wanted === activation && !stopped) onBundle(bundle)
          return
        }
      }
      const mirror = await mirrorBucket<Activation>(nc, keys, {
        read: value => value as Activation,
        onChange: (_key, activation) =>
          void take(activation).catch(error => log.error({ error: errorMessage(error) }, 'a bundle cannot be taken')),
        log,
      })
      await take(mirror.values.get(ACTIVE))
      return {
        values: mirror.values,
        async stop() {
          stopped = true
          await mirror.stop()
        },
      }
    },
  }
}
