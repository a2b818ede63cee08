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
  /** Another one once a file with its secrets has changed. */
  readonly auth: Auth
  readonly allow: BlockList | undefined
  readonly maxBody: number
  readonly take: Take
  readonly eventHeaders: ReturnType<typeof createEventHeaders>
}

export interface Hooks {
  readonly all: readonly Hook[]
  /** Takes the secrets of every hook out of a text, those that have counted before included. */
  readonly scrub: Scrub
  /** Whether there is one of them in the text. */
  holds(text: string): boolean
  /** Reads the secrets of a hook again; true: they have changed. Throws `bad_config`, and those that it has still count then. */
  renew(hook: Hook): boolean
}

/** Throws `bad_config` for a secret that is not there. */
export function createAllHooks(config: GatewayConfig, now: () => number, sources: SecretSources = {}): Hooks {
  const read = (pattern: string, settings: HookConfig) =>
    createAuth(`gateway.hooks: '${pattern}'`, settings.auth, sources)
  const auths = new Map(Object.entries(config.hooks).map(([pattern, settings]) => [pattern, read(pattern, settings)]))
  const hidden = [...auths.values()].flatMap(({ headers }) => headers)
  const secrets = new Set([...auths.values()].flatMap(auth => auth.secrets))
  let scrub = createScrub(secrets)
  return {
    scrub: text => scrub(text),
    holds: text => secrets.size > 0 && scrub(text) !== text,
    all: Object.entries(config.hooks).map(([pattern, settings]) => ({
      pattern,
      settings,
      get auth() {
        return auths.get(pattern)!
      },
      allow: settings.allow ? networks(settings.allow) : undefined,
      maxBody: settings.max_body ?? config.max_body,
      take: createRate(settings.rate, now),
      eventHeaders: createEventHeaders([...config.headers, ...settings.headers], hidden),
    })),
    renew({ pattern, settings, auth }) {
      const found = read(pattern, settings)
      if (found.secrets.join('\n') === auth.secrets.join('\n')) return false
      for (const secret of found.secrets) secrets.add(secret)
      scrub = createScrub(secrets)
      auths.set(pattern, found)
      return true
    },
  }
}
