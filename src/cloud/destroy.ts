// Taking one machine away, with an event before and one when it is gone.
import type { CloudInstance } from '../functions/define-cloud.ts'
import { cloudDestroyed, cloudDestroying } from '../protocol/catalogue/cloud.ts'
import type { Account } from './accounts.ts'
import { type CloudParts, named, stageFailed } from './parts.ts'
import { runStage, until } from './stage.ts'

/** Resolves once its provider has it no longer. */
export async function destroyInstance(
  { say, timeouts, isolation }: Pick<CloudParts, 'say' | 'timeouts' | 'isolation'>,
  account: Account,
  instance: CloudInstance,
  signal: AbortSignal,
): Promise<void> {
  const { cloud, pollMs } = account
  const { id, name, public_key } = instance
  const data = {
    ...named(account, name),
    instance_id: id,
    public_key: isolation === 'none' ? null : (public_key ?? null),
  }
  try {
    await say(cloudDestroying.of({ vm: name }, { ...data, event: 'destroying instance' }))
    await runStage({ stage: 'destroying', ms: timeouts.destroying, signal }, async inner => {
      await cloud.destroy(instance, inner)
      await until(async () => (await cloud.query(id, inner)) === undefined || undefined, pollMs, inner)
    })
    await say(cloudDestroyed.of({ vm: name }, { ...data, event: 'destroyed instance' }))
  } catch (error) {
    throw stageFailed(account.scrub, 'destroying', error)
  }
}
