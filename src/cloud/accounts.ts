// The providers and profiles of the config, checked and opened.
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { readSecret } from '../alerts/secret-sources.ts'
import { createScrub, type Scrub } from '../alerts/secrets.ts'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { isSecretKey } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Config } from '../config/schema.ts'
import type { CloudDefinition, OpenCloud } from '../functions/define-cloud.ts'
import type { Definitions } from '../functions/definitions.ts'
import { checkMinion, type Here } from './minion-config.ts'
import { hidden, minionSecrets, secretsIn } from './secrets.ts'

/** A provider as it is used. */
export interface Account {
  readonly name: string
  readonly driver: string
  readonly cloud: OpenCloud<unknown>
  readonly pollMs: number
  /** Settings of its minions. */
  readonly minion: Record<string, unknown>
  readonly isSecret: (key: string) => boolean
  /** Takes its secrets out of a text. */
  readonly scrub: Scrub
  /** With secrets that lie in a file or the environment in their place: the config may say so, and no call. Throws `bad_config`. */
  withSecrets(options: Record<string, unknown>, place: string): Record<string, unknown>
  /** What a profile says, as the driver takes it; without secrets in `shown`. Throws `bad_argument`, beginning with `place`. */
  read(wanted: Pick<Profile, 'options' | 'minion'>, place: string): ReadProfile
}

export interface ReadProfile {
  profile: unknown
  shown: Record<string, unknown>
  /** Takes its secrets, its minion's and the provider's out of a text. */
  scrub: Scrub
}

/** A profile as the config has it, with its secrets. */
export interface Profile {
  readonly provider: string
  readonly minion: Record<string, unknown>
  readonly options: Record<string, unknown>
}

export interface Accounts {
  names(): string[]
  /** Throws `bad_argument` with the nearest name. */
  account(name: string): Account
  all(): Account[]
  profiles: ReadonlyMap<string, Profile>
  /** Throws `bad_argument` with the nearest name. */
  profile(name: string): Profile
  close(): Promise<void>
}

/** Throws `bad_config` that names the provider or profile, `bad_module`. */
export async function openAccounts(
  { cloud: config, ...here }: Here & Pick<Config, 'cloud'>,
  drivers: Pick<Definitions<CloudDefinition>, 'load'>,
  log: Log,
): Promise<Accounts> {
  const accounts = new Map<string, Account>()
  for (const [name, { driver, minion, ...options }] of Object.entries(config.providers)) {
    const definition = await drivers.load(driver)
    checkMinion(here, [minion], `cloud.providers.${name}`)
    accounts.set(name, await openAccount(definition, { name, driver, minion, options, dir: config.dir, log }))
  }
  const one = <V>(known: ReadonlyMap<string, V>, name: string, word: string): V => {
    const found = known.get(name)
    if (found !== undefined) return found
    const there = [...known.keys()].join(', ') || 'none'
    throw new ReactorError(
      'bad_argument',
      `the config has no cloud ${word} '${name.slice(0, 100)}'.${didYouMean(name, known.keys()) || ` There are: ${there}`}`,
    )
  }
  const profiles = new Map<string, Profile>()
  for (const [name, { provider, minion, ...options }] of Object.entries(config.profiles)) {
    const place = `cloud.profiles.${name}`
    try {
      const account = one(accounts, provider, 'provider')
      const whole = account.withSecrets(options, place)
      account.read({ options: whole, minion }, place)
      checkMinion(here, [account.minion, minion], place)
      profiles.set(name, { provider, minion, options: whole })
    } catch (error) {
      if (!(error instanceof ReactorError)) throw error
      throw new ReactorError(
        'bad_config',
        error.message.startsWith(place) ? error.message : `${place}: ${error.message}`,
      )
    }
  }
  return {
    names: () => [...accounts.keys()],
    account: name => one(accounts, name, 'provider'),
    all: () => [...accounts.values()],
    profiles,
    profile: name => one(profiles, name, 'profile'),
    close: async () => void (await Promise.all([...accounts.values()].map(({ cloud }) => cloud.close?.()))),
  }
}

interface Given {
  name: string
  driver: string
  minion: Record<string, unknown>
  options: Record<string, unknown>
  dir: string
  log: Log
}

async function openAccount(definition: CloudDefinition, given: Given): Promise<Account> {
  const { name, driver, minion, log } = given
  const place = `cloud.providers.${name}`
  const isSecret = (key: string) => isSecretKey(key) || definition.secrets.includes(key)
  const withSecrets: Account['withSecrets'] = (options, where) => readSecrets(options, where, isSecret)
  const options = withSecrets(given.options, place)
  const secrets = [...secretsIn(options, isSecret), ...minionSecrets(minion, isSecret)]
  const context = { provider: name, dir: join(resolve(given.dir), name), log: log.child({ cloud: name }) }
  return {
    ...{ name, driver, minion, isSecret, withSecrets },
    cloud: await definition.open(parse(definition.options, options, place, 'bad_config'), context),
    pollMs: definition.pollMs,
    scrub: createScrub(secrets),
    read(wanted, where) {
      const profile = parse(definition.profile, wanted.options, where, 'bad_argument')
      const shown = hidden(wanted.options, isSecret) as Record<string, unknown>
      const own = [...secretsIn(wanted.options, isSecret), ...minionSecrets(wanted.minion, isSecret)]
      return { profile, shown, scrub: createScrub([...secrets, ...own]) }
    },
  }
}

function parse(shape: z.ZodType, value: unknown, place: string, code: 'bad_config' | 'bad_argument'): unknown {
  const read = shape.safeParse(value)
  if (read.success) return read.data
  const known = Object.keys((shape as { shape?: object }).shape ?? {})
  const hint = (key: string) => didYouMean(key, known) || ` There are: ${known.join(', ') || 'none'}`
  const issues = read.error.issues.map(issue =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0
      ? issue.keys.map(key => `unknown setting '${key.slice(0, 100)}'.${hint(key)}`).join(' ')
      : [...issue.path.map(String), issue.message].join(': '),
  )
  throw new ReactorError(code, `${place}: ${issues.join('; ')}`)
}

/** With secrets that lie in a file or the environment (`{file: …}`, `{env: …}`) in their place. */
function readSecrets(
  options: Record<string, unknown>,
  place: string,
  isSecret: (key: string) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      if (isSecret(key) && isReference(value)) return [key, readSecret(place, key, value, {})]
      return [key, isObject(value) ? readSecrets(value, `${place}.${key}`, isSecret) : value]
    }),
  )
}

const isReference = (value: unknown): value is { env: string } | { file: string } =>
  isObject(value) && Object.keys(value).length === 1 && [value.env, value.file].some(text => typeof text === 'string')
