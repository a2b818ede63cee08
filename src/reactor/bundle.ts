// The bundle: the rule set in force, stored under the hash of its content and made active by compare-and-set of one key,
// so that all reactors run the same rules and every decision can say which. Rules that people have switched off are marked
// beside it, under the same key, whatever bundle comes.
import { jetstreamManager } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { type Mirror, openBucket } from '../bus/bucket.ts'
import { isWrongSequence } from '../bus/overtaken.ts'
import { kv } from '../protocol/jetstream-subjects.ts'
import {
  ACTIVE,
  type Activation,
  type ActivationSource,
  type ActivationView,
  REFUSED,
  type Refusal,
  type RuleChanges,
  type SwitchResult,
} from '../protocol/rule-view.ts'
import { bucketNames } from '../protocol/streams.ts'
import { type Bundle, bundleOf, compareRules, countChanges, encodeRules } from './bundle/content.ts'
import { followBundles } from './bundle/follow.ts'
import { type BundleObjects, openBundleObjects } from './bundle/objects.ts'
import { type SwitchRequest, switchRules } from './bundle/switch.ts'
import type { RuleDocument } from './rules/schema.ts'

export type { Activation } from '../protocol/rule-view.ts'
export type { Bundle } from './bundle/content.ts'

const HISTORY = 32
const MAX_TRIES = 20

export interface BundleStore {
  /** The bundle in force; undefined before the first. */
  active(): Promise<Bundle | undefined>
  /** The same with its activation. */
  inForce(): Promise<{ activation: Activation; bundle: Bundle } | undefined>
  /** Stores the rules and makes them the bundle in force. `changed` is false when they are so already. */
  activate(
    rules: readonly RuleDocument[],
    from?: ActivationSource,
  ): Promise<{ bundle: Bundle; changed: boolean; changes: RuleChanges | undefined }>
  /** Switches rules on or off, all or none. Throws `not_found`. */
  switch(request: SwitchRequest): Promise<SwitchResult>
  /** The newest activations, newest first: those that the bucket keeps. */
  history(): Promise<ActivationView[]>
  /** Stores what a folder has refused, in the place of what was stored before. */
  refuse(refusal: Refusal): Promise<void>
  /** What the folder that gave the bundle in force has refused; undefined: nothing. */
  refused(): Promise<Refusal | undefined>
  /** Rules by their hash. Throws `internal` where they are not there. */
  load: BundleObjects['load']
  /** Parts of a push. */
  readonly parts: Pick<BundleObjects, 'putPart' | 'joinParts' | 'dropParts'>
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
  const objects = await openBundleObjects(nc, ns, replicas)

  const entry = async () => {
    const found = await keys.get(ACTIVE)
    return found?.operation === 'PUT' ? { revision: found.revision, activation: found.json<Activation>() } : undefined
  }
  const latest = async () => {
    const jsm = await jetstreamManager(nc, { checkAPI: false })
    const { stream, written } = kv(names.rules)
    const subject = written[0]!.replace('>', ACTIVE)
    const found = await jsm.streams.getMessage(stream, { last_by_subj: subject })
    // The mark of a deletion has no body.
    if (!found || found.data.length === 0) return undefined
    return { revision: found.seq, activation: found.json<Activation>() }
  }
  const inForce = async () => {
    const found = await entry()
    if (!found) return undefined
    const { activation } = found
    return { activation, bundle: bundleOf(activation, await objects.load(activation.hash)) }
  }
  /** `change` gives what is to be written, or undefined where nothing is: it is asked again where another was quicker. */
  const compareAndSet = async (change: (before: Activation | undefined) => Promise<Activation | undefined>) => {
    for (let tries = 1; ; tries++) {
      const before = await entry()
      const next = await change(before?.activation)
      if (!next) return
      try {
        if (before) await keys.update(ACTIVE, JSON.stringify(next), before.revision)
        else await keys.create(ACTIVE, JSON.stringify(next))
        return
      } catch (error) {
        if (!isWrongSequence((error as { code?: number }).code) || tries === MAX_TRIES) throw error
      }
    }
  }

  return {
    async active() {
      return (await inForce())?.bundle
    },
    inForce,
    async activate(rules, from) {
      const { hash, text } = encodeRules(rules)
      let changed = false
      let changes: RuleChanges | undefined
      let now: Activation = { hash, at: Date.now() }
      await compareAndSet(async before => {
        changed = before?.hash !== hash
        now = before ?? now
        if (!changed) return undefined
        await objects.store(hash, text)
        // One that is gone is no reason to keep its follower out.
        const old = before ? await objects.load(before.hash).catch(() => undefined) : []
        changes = old && compareRules(old, rules)
        now = {
          hash,
          at: Date.now(),
          ...(from ? { from } : {}),
          ...(before?.off ? { off: before.off } : {}),
          rules: rules.length,
          ...(changes ? { changes: countChanges(changes) } : {}),
        }
        return now
      })
      return { bundle: bundleOf(now, [...rules]), changed, changes }
    },
    async switch(request) {
      let result: SwitchResult | undefined
      await compareAndSet(async before => {
        if (!before) throw new ReactorError('not_found', 'no rules are in force yet')
        const known = (await objects.load(before.hash)).map(({ rule }) => rule)
        const { activation, switched, unchanged } = switchRules(before, known, request, Date.now())
        result = { to: request.to, switched, unchanged, bundle: before.hash }
        return activation
      })
      return result!
    },
    async history() {
      // A bucket without the key has nothing that its history could end with.
      if (!(await entry())) return []
      const all: ActivationView[] = []
      for await (const found of await keys.history({ key: ACTIVE })) {
        if (found.operation !== 'PUT') continue
        const { off = {}, ...activation } = found.json<Activation>()
        all.push({ ...activation, revision: found.revision, off: Object.keys(off).length })
      }
      return all.reverse()
    },
    async refuse(refusal) {
      await keys.put(REFUSED, JSON.stringify(refusal))
    },
    async refused() {
      const [found, active] = await Promise.all([keys.get(REFUSED), entry()])
      if (found?.operation !== 'PUT') return undefined
      const refusal = found.json<Refusal>()
      return refusal.bundle === active?.activation.hash && refusal.files.length > 0 ? refusal : undefined
    },
    load: objects.load,
    parts: objects,
    follow: onBundle => followBundles({ nc, keys, load: objects.load, latest, log }, onBundle),
  }
}
