// The returners of a process, found and opened when the first of them is asked for.
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import { findReturners } from '../returner/load.ts'
import { createStores, type Stores } from '../returner/open.ts'
import { strayNames } from '../returner/options.ts'
import { loadProfiles } from './profiles.ts'

/** `open` throws `bad_module`, and `bad_config` on settings of a returner that is not there. */
export function storesWhenAsked(
  config: Pick<Config, 'module_dirs' | 'returner_settings' | 'profiles'>,
  id: string,
  log: Log,
): { open(): Promise<Stores>; close(): Promise<void> } {
  let opening: Promise<Stores> | undefined

  const load = async () => {
    const returners = await findReturners(config.module_dirs)
    const stray = strayNames(config.returner_settings, returners)
    if (stray.length > 0)
      throw new ReactorError(
        'bad_config',
        `settings of no returner: ${stray.join(', ')}; there are ${returners.names().join(', ')}`,
      )
    return createStores({
      returners,
      settings: config.returner_settings,
      log,
      id,
      profiles: await loadProfiles(config),
    })
  }
  return {
    open: () => (opening ??= load()),
    close: async () => void (await (await opening?.catch(() => undefined))?.close()),
  }
}
