// What the master has of keys: their store, the admission of logins, join tokens, and what wheel functions do with them.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Audit, Caller } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack, type Running } from '../base/service.ts'
import type { Fire } from '../bus/fire.ts'
import { identityIn } from '../bus/identity.ts'
import { readSeed } from '../bus/seed.ts'
import type { Config } from '../config/schema.ts'
import { openMinionBucket, openPillarBucket } from '../fleet/registry.ts'
import type { JoinTokens, Keys } from '../functions/wheel-context.ts'
import { seedAcceptedKeys } from '../keys/accepted-keys.ts'
import { type Admit, createAdmission } from '../keys/admit.ts'
import { createKeys } from '../keys/operations.ts'
import { createPendingAlarm } from '../keys/pending.ts'
import { type KeyStore, openKeyStore } from '../keys/store.ts'
import { createJoinTokens } from '../keys/token-operations.ts'
import { openTokenStore } from '../keys/tokens.ts'
import { escapeId } from '../protocol/token.ts'

export interface MasterKeys extends Running {
  store: KeyStore
  admit: Admit
  /** As one caller changes them. */
  keys(caller: Caller): Keys
  tokens(caller: Caller): JoinTokens
}

/** Throws `bad_config` where the seed that signs logins cannot be used. */
export async function openMasterKeys(
  { nc, fire, audit, clock, log }: { nc: NatsConnection; fire: Fire; audit: Audit; clock: Clock; log: Log },
  config: Config,
): Promise<MasterKeys> {
  const { namespace, master } = config
  const options = { namespace, replicas: config.streams.replicas, clock, log }
  const stack = createStack(problem => log.warn(problem))
  try {
    const store = stack.add(await openKeyStore(nc, options))
    const tokenStore = stack.add(await openTokenStore(nc, options))
    await seedAcceptedKeys({ store, audit, clock, log }, master.accepted_keys)
    const alarm = stack.add(createPendingAlarm(fire, { maxPending: master.max_pending, log }))
    const minions = await openMinionBucket(nc, namespace, config.streams.replicas)
    const pillars = await openPillarBucket(nc, namespace, config.streams.replicas)
    return {
      store,
      admit: createAdmission({
        ...{ store, tokens: tokenStore, rules: master, audit, clock, log },
        onPendingFull: alarm.dropped,
      }),
      keys: createKeys({
        ...{ store, fire, audit, clock, log, configured: master.accepted_keys },
        forgetGrains: async id => {
          await Promise.all([minions, pillars].map(bucket => bucket.delete(escapeId(id))))
        },
        master: await issuerOf(master.callout?.issuer),
      }),
      tokens: createJoinTokens(tokenStore, audit),
      stop: () => stack.stop(),
    }
  } catch (error) {
    await stack.stop()
    throw error
  }
}

/** The public key that signs logins. Its seed is the server's counterpart: one that is made here would sign for nobody. */
async function issuerOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  if ((await readSeed(file)) === undefined)
    throw new ReactorError(
      'bad_config',
      `master.callout.issuer: there is no file ${file}; 'reactor accounts init' makes it with the server's config`,
    )
  return identityIn(file, 'account')
}
