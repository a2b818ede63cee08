// One hook, made ready: its path, its proof, its bounds and its headers, out of the config.
import type { BlockList } from 'node:net'
import type { SecretSources } from '../alerts/secret-sources.ts'
import { createScrub, type Scrub } from '../alerts/secrets.ts'
import { type GatewayConfig, type HookConfig, networks } from '../config/gateway-schema.ts'
import { type Auth, createAuth } from './auth.ts'
import { createEventHeaders } from './event-headers.ts'
import { createRate, type Take } from './rate.ts'

export interface Hook {
  readonly pattern: string
  readonly settings: HookConfig
  readonly auth: Auth
  readonly allow: BlockList | undefined
  readonly maxBody: number
  readonly take: Take
  readonly eventHeaders: ReturnType<typeof createEventHeaders>
}

export interface Hooks {
  readonly all: readonly Hook[]
  /** Takes the secrets of every hook out of a text. */
  readonly scrub: Scrub
  /** Whether there is one of them in the text. */
  holds(text: string): boolean
}

/** Throws `bad_config` for a secret that is not there. */
export function createAllHooks(config: GatewayConfig, now: () => number, sources: SecretSources = {}): Hooks {
  const auths = Object.entries(config.hooks).map(
    ([pattern, settings]) =>
      [pattern, settings, createAuth(`gateway.hooks: '${pattern}'`, settings.auth, sources)] as const,
  )
  const hidden = auths.flatMap(([, , auth]) => auth.headers)
  const secrets = auths.flatMap(([, , auth]) => auth.secrets)
  const scrub = createScrub(secrets)
  return {
    scrub,
    holds: text => scrub(text) !== text,
    all: auths.map(([pattern, settings, auth]) => ({
      pattern,
      settings,
      auth,
      allow: settings.allow ? networks(settings.allow) : undefined,
      maxBody: settings.max_body ?? config.max_body,
      take: createRate(settings.rate, now),
      eventHeaders: createEventHeaders([...config.headers, ...settings.headers], hidden),
    })),
  }
}
