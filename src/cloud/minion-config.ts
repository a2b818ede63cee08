// The config of a minion on a new machine: this installation's, as far as a minion needs it, and what provider and profile say.
import { resolve } from 'node:path'
import { createScrub } from '../alerts/secrets.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { withoutPassword } from '../bus/connect.ts'
import { mergeConfig, parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { CloudMinion } from '../functions/define-cloud.ts'
import { minionSecrets } from './secrets.ts'

export type Here = Pick<Config, 'servers' | 'namespace' | 'isolation' | 'tls'>

/** They are the machine's, and nobody else's to say. */
const NOT_TO_SAY = ['id', 'dir']
const ANY_ID = 'machine'

/** `settings`: `minion` of the provider, and of the profile over it. `place` names them in errors. Throws `bad_config`. */
export function minionConfig(
  here: Here,
  name: string,
  settings: readonly Record<string, unknown>[],
  place: string,
): CloudMinion {
  const whole = settings.reduce(mergeConfig, {})
  const { servers, tls, ...minion } = whole
  for (const key of NOT_TO_SAY)
    if (Object.hasOwn(minion, key))
      throw new ReactorError('bad_config', `${place}: minion.${key} is what each machine has of its own; leave it out`)
  const config = {
    namespace: here.namespace,
    // Whoever this process is at the server, a minion is somebody else.
    servers: servers ?? here.servers.map(withoutPassword),
    isolation: here.isolation,
    // A certificate of this process is not for others.
    ...(tls ? { tls } : here.tls?.ca ? { tls: { ca: resolve(here.tls.ca) } } : {}),
    minion: { ...minion, id: name },
  }
  check(config, `${place}: minion`, whole)
  return { id: name, config }
}

/** Throws `bad_config` where no machine could have the minion that these settings describe. */
export const checkMinion = (here: Here, settings: readonly Record<string, unknown>[], place: string): void =>
  void minionConfig(here, ANY_ID, settings, place)

/** What is wrong is told as it stands there, which may be in the place of a secret. */
function check(config: Record<string, unknown>, place: string, settings: Record<string, unknown>): void {
  try {
    parseConfig(config, place)
  } catch (error) {
    throw new ReactorError('bad_config', createScrub(minionSecrets(settings))(errorMessage(error)))
  }
}
