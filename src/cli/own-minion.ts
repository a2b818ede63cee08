// The config of this machine's minion, for commands that need no server.
import { requireTrustedFile } from '../base/trusted-file.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { findUpFile } from './way.ts'

/**
 * That of the config file named, or of the `reactor up` of the data folder or of this folder; undefined where there is neither.
 * `over` is laid over it.
 */
export async function findOwnMinion(
  { config, dataDir }: { config?: string | undefined; dataDir?: string | undefined },
  over: Record<string, unknown> = {},
): Promise<Config | undefined> {
  if (config !== undefined) return loadConfig(config, over)
  const up = await findUpFile(dataDir)
  if (!up) return undefined
  await requireTrustedFile(up.minion.config)
  return loadConfig(up.minion.config, { seed: up.minion.seed, ...defined(over) })
}

const defined = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
