// What providers have now, and whether a name is free.
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { CloudInstance } from '../functions/define-cloud.ts'
import type { Account } from './accounts.ts'
import type { CloudsParts } from './clouds.ts'

const LIST_MS = 60_000

/** Throws `function_failed` that names the provider where it cannot be asked. */
export async function listed(account: Account, signal: AbortSignal): Promise<readonly CloudInstance[]> {
  try {
    return await account.cloud.list(AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)]))
  } catch (error) {
    const why = account.scrub(errorMessage(error))
    throw new ReactorError('function_failed', `the cloud provider '${account.name}' cannot be asked: ${why}`)
  }
}

/** Throws `bad_argument` where a machine of any provider has the name, or a minion that the master knows. */
export async function requireFree(
  { config, accounts, isKnown, log }: Pick<CloudsParts, 'config' | 'accounts' | 'isKnown' | 'log'>,
  { name, account }: { name: string; account: Account },
  signal: AbortSignal,
): Promise<void> {
  const others = accounts.all().filter(other => other !== account)
  const elsewhere = (other: Account) =>
    listed(other, signal).catch(error => {
      log.warn({ name, error: errorMessage(error) }, 'whether there is a machine of that name elsewhere is not known')
      return []
    })
  const all = await Promise.all([listed(account, signal), ...others.map(elsewhere)])
  for (const [at, there] of [account, ...others].entries())
    if (all[at]!.some(instance => instance.name === name))
      throw new ReactorError('bad_argument', `there is a machine '${name}' already, at the provider '${there.name}'`)
  if (config.isolation === 'accounts' && isKnown(name))
    throw new ReactorError(
      'bad_argument',
      `there is a minion '${name}' already, and a new one would be denied: take another name, or delete its key (key.delete) first`,
    )
}
