// The named profiles of the config, with their secrets read from where they lie, and the config as it may be shown.
import { type ResolvedProfiles, redact, resolveProfiles } from '../alerts/profiles.ts'
import { REDACTED, redactSecrets } from '../base/redact.ts'
import { withoutPassword } from '../bus/connect.ts'
import type { Config } from '../config/schema.ts'

/** Throws `bad_config` that names the profile, and the variable or file that is missing. */
export async function loadProfiles(config: Pick<Config, 'profiles'>): Promise<ResolvedProfiles> {
  return resolveProfiles(config.profiles as Parameters<typeof resolveProfiles>[0])
}

/** The config without secrets. */
export function shownConfig(config: Config): Record<string, unknown> {
  const { profiles, ...rest } = config
  const shown = (named: Record<string, Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(named).map(([name, profile]) => [name, redact(profile)]))
  return {
    ...(redactSecrets(rest) as Record<string, unknown>),
    servers: config.servers.map(withoutPassword),
    minion: {
      ...(redactSecrets(rest.minion) as Config['minion']),
      ...(rest.minion.join === undefined ? {} : { join: REDACTED }),
    },
    profiles: { smtp: shown(profiles.smtp), http: shown(profiles.http) },
  }
}
