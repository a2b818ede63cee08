// Following the activation: every reactor takes each bundle that comes into force, with the rules that people have switched
// off. One that cannot be read is said and tried again, and the one before goes on.
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { type Mirror, mirrorBucket } from '../../bus/bucket.ts'
import { ACTIVE, type Activation } from '../../protocol/rule-view.ts'
import type { RuleDocument } from '../rules/schema.ts'
import { type Bundle, bundleOf } from './content.ts'

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5000

export interface FollowParts {
  nc: NatsConnection
  keys: KV
  load(hash: string): Promise<RuleDocument[]>
  /** What is stored now, as the stream's leader has it. */
  latest(): Promise<{ activation: Activation; revision: number } | undefined>
  log: Log
}

export async function followBundles(
  { nc, keys, load, latest, log }: FollowParts,
  onBundle: (bundle: Bundle) => void,
): Promise<Mirror<Activation>> {
  let wanted: Activation | undefined
  let given: Bundle | undefined
  let stopped = false
  let highest = 0

  const give = (bundle: Bundle) => {
    // A bucket that was read again after a reconnect tells anew what has not changed.
    if (given?.hash === bundle.hash && given.off?.join() === bundle.off?.join()) return
    given = bundle
    onBundle(bundle)
  }
  const take = async (activation: Activation | undefined) => {
    if (!activation) return
    wanted = activation
    // Switching a rule on or off changes nothing of the rules themselves.
    if (given?.hash === activation.hash) return give(bundleOf(activation, given.rules))
    // A newer one may come while this one is read.
    for (let wait = FIRST_WAIT_MS; wanted === activation && !stopped; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const rules = await load(activation.hash).catch(async error => {
        if (nc.isClosed()) throw error
        if (wait === FIRST_WAIT_MS)
          log.error(
            { bundle: activation.hash, error: errorMessage(error), ...(given ? { in_use: given.hash } : {}) },
            'a bundle cannot be read; the one before goes on while it is tried again',
          )
        await new Promise(resolve => setTimeout(resolve, wait).unref())
      })
      if (!rules) continue
      if (wanted === activation && !stopped) give(bundleOf(activation, rules))
      return
    }
  }
  /** After a reconnect two watches overlap, and one may tell what the other has gone past; or the bucket was made anew. */
  const takeLatest = async (told: Activation) => {
    const found = await latest().catch(() => undefined)
    if (found && found.revision < highest) return
    if (found) highest = found.revision
    await take(found?.activation ?? told)
  }
  const mirror = await mirrorBucket<Activation>(nc, keys, {
    read: value => value as Activation,
    onChange: (key, activation, revision) => {
      if (key !== ACTIVE || !activation) return
      const older = revision < highest
      highest = revision
      const work = older ? takeLatest(activation) : take(activation)
      work.catch(error => log.error({ error: errorMessage(error) }, 'a bundle cannot be taken'))
    },
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
}
