// One return given to the stores of several returners there and then: what a store does not take is said, and kept nowhere.
import { once } from 'node:events'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { StoredReturn } from '../protocol/returned.ts'
import { type Returning, returnerNames } from '../protocol/returning.ts'
import { LOCAL, type Returners } from './load.ts'
import type { Stores } from './open.ts'
import { unknownToAll } from './options.ts'
import { withinTime } from './time-limit.ts'

/** To all at once; what kept any of them from taking it, by the name of the returner. Does not throw. */
export type Give = (returned: StoredReturn, signal: AbortSignal) => Promise<{ returner: string; problem: string }[]>

/** What a store takes longer over may never end. */
const WITHIN_MS = 5 * 60_000

/** Throws `bad_config` or `bad_module` where one of them can never take a return, or none has a setting that came along. */
export async function prepareGiving(
  { ret = '', ret_config, ret_kwargs }: Returning,
  { stores, returners }: { stores: Pick<Stores, 'open'>; returners: Pick<Returners, 'load'> },
): Promise<Give> {
  const names = returnerNames(ret).filter(name => name !== LOCAL)
  const open = (name: string) =>
    stores.open(name, { return_config: ret_config, return_kwargs: ret_kwargs }, ['returner'])
  for (const name of names)
    await open(name).catch(error => {
      // What is only away now may be there when the return is.
      if (error instanceof ReactorError && ['bad_config', 'bad_module'].includes(error.code)) throw error
    })
  const unknown = await unknownToAll(names, ret_kwargs ?? {}, returners)
  if (unknown.length > 0)
    throw new ReactorError(
      'bad_config',
      `return_kwargs: no setting of ${names.join(', ')} is called ${unknown.join(', ')}`,
    )
  return async (returned, signal) => {
    const given = await Promise.allSettled(
      names.map(async name => {
        const store = await open(name)
        await withinTime(WITHIN_MS, 'its store', () => unlessStopped(store.returner!([returned]), signal))
      }),
    )
    return given.flatMap((one, i) =>
      one.status === 'fulfilled' ? [] : [{ returner: names[i]!, problem: errorMessage(one.reason) }],
    )
  }
}

/** A stop that comes meanwhile ends the waiting; one from before has ended the function, and its return goes out. */
async function unlessStopped(storing: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const stopped = once(signal, 'abort', { signal: over.signal }).then(() => {
    throw new ReactorError('stopped', 'it was stopped by Ctrl-C before its store had answered')
  })
  stopped.catch(() => undefined)
  try {
    await Promise.race([storing, stopped])
  } finally {
    over.abort()
  }
}
