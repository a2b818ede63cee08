// Machines and profiles as runner functions return them, in the shapes of Salt Cloud, and the section `cloud` as it may be shown.
import { REDACTED } from '../base/redact.ts'
import type { Config } from '../config/schema.ts'
import type { CloudInstance } from '../functions/define-cloud.ts'
import type { Account, Profile } from './accounts.ts'
import { hidden, shownMinion } from './secrets.ts'

/** `full`: also what its driver knows beside. */
export function shownInstance({ extra, public_key, image, size, ...rest }: CloudInstance, full: boolean) {
  const brief = { ...rest, image: image ?? null, size: size ?? null }
  return full ? { ...brief, ...(public_key === undefined ? {} : { public_key }), ...extra } : brief
}

/** `{provider: {driver: {name: value}}}`. */
export function byProvider(of: readonly { provider: string; driver: string; name: string; value: unknown }[]) {
  const shown: Record<string, Record<string, Record<string, unknown>>> = {}
  for (const { provider, driver, name, value } of of) {
    shown[provider] ??= { [driver]: {} }
    shown[provider][driver]![name] = value
  }
  return shown
}

/** `{provider: {driver: {profile: {provider: 'provider:driver', …}}}}`, without secrets. */
export function shownProfiles(
  accounts: readonly Account[],
  profiles: ReadonlyMap<string, Profile>,
): Record<string, Record<string, Record<string, unknown>>> {
  const of = ({ name, driver, isSecret }: Account) =>
    [...profiles].flatMap(([profile, { provider, options, minion }]) => {
      const settings = Object.keys(minion).length > 0 ? { ...options, minion: shownMinion(minion) } : options
      const value = hidden({ provider: `${name}:${driver}`, ...settings }, isSecret)
      return provider === name ? [[profile, value] as const] : []
    })
  return Object.fromEntries(
    accounts.map(account => [account.name, { [account.driver]: Object.fromEntries(of(account)) }]),
  )
}

/** Where there are no drivers: which of their own settings are secret nobody but they can say. */
export function shownCloud({ providers, profiles, ...rest }: Config['cloud']): Config['cloud'] {
  return {
    ...rest,
    providers: mapValues(providers, ({ driver, minion, ...own }) => ({
      driver,
      minion: shownMinion(minion),
      ...mapValues(own, () => REDACTED),
    })),
    profiles: mapValues(profiles, ({ provider, minion, ...own }) => ({
      provider,
      minion: shownMinion(minion),
      ...mapValues(own, () => REDACTED),
    })),
  }
}

const mapValues = <V, W>(map: Record<string, V>, to: (value: V) => W): Record<string, W> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, to(value)]))
