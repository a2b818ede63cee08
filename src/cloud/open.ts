// What a job worker has of clouds: all providers of its config, opened when it starts.

import { openAccounts } from './accounts.ts'
import { type Clouds, type CloudsParts, createClouds } from './clouds.ts'
import { findClouds } from './load.ts'

/** Throws `bad_config` that names the provider or profile, `bad_module`. */
export async function openClouds(parts: Omit<CloudsParts, 'accounts'>, moduleDirs: readonly string[]): Promise<Clouds> {
  const accounts = await openAccounts(parts.config, await findClouds(moduleDirs), parts.log)
  return createClouds({ ...parts, accounts })
}
