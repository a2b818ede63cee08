// The named profiles of the config, with their secrets read from where they lie, and the config as it may be shown.
import { type ResolvedProfiles, redact, resolveProfiles } from '../alerts/profiles.ts'
import { redactSecrets } from '../base/redact.ts'
import { withoutPassword } from '../bus/connect.ts'
import { shownMinion } from '../cloud/secrets.ts'
import { shownCloud } from '../cloud/shown.ts'
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
    minion: shownMinion(config.minion),
    cloud: shownCloud(config.cloud),
    profiles: { smtp: shown(profiles.smtp), http: shown(profiles.http) },
  }
}
