// The machines of all providers, as a call makes, takes away and lists them: several at once up to a bound, one name by one call
// at a time.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import { createTurns } from '../base/turns.ts'
import type { Fire } from '../bus/fire.ts'
import type { Leases } from '../bus/lease.ts'
import { mergeConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { CloudInstance } from '../functions/define-cloud.ts'
import type { CloudDone } from '../functions/runner-context.ts'
import type { Trace } from '../protocol/trace.ts'
import type { Account, Accounts } from './accounts.ts'
import { createClaims } from './claim.ts'
import type { Hear } from './contact.ts'
import { createInstance, type Wanted } from './create.ts'
import { destroyInstance } from './destroy.ts'
import { listed, requireFree } from './listed.ts'
import { minionConfig } from './minion-config.ts'
import { requireNames } from './names.ts'
import { requireNoSecrets } from './secrets.ts'
import { byProvider, shownInstance, shownProfiles } from './shown.ts'

export interface CloudsParts {
  config: Pick<Config, 'servers' | 'namespace' | 'isolation' | 'tls' | 'cloud'>
  accounts: Accounts
  hear: Hear
  fire: Fire
  leases: Pick<Leases, 'take'>
  /** Whether the master knows a minion of that id. */
  isKnown(id: string): boolean
  log: Log
}

/** Whose call it is. */
export interface Asking {
  trace: Trace
  signal: AbortSignal
}

const STOP_WITHIN_MS = 3000

export type Clouds = ReturnType<typeof createClouds>

export function createClouds(parts: CloudsParts) {
  const { config, accounts, log } = parts
  const { timeouts, parallel } = config.cloud
  const claimed = createClaims(parts.leases)
  const turns = createTurns(parallel)
  const inHand = createInHand(error => log.error({ error: errorMessage(error) }, 'a call about machines failed'))
  const partsFor = ({ trace }: Asking) => ({
    ...{ hear: parts.hear, isolation: config.isolation, timeouts, log },
    say: async ([tag, data]: [string, Record<string, unknown>]) => void (await parts.fire(tag, data, trace)),
  })

  /** Each for itself: what becomes of one is no matter to the others. */
  const each = async (
    names: readonly string[],
    signal: AbortSignal,
    work: (name: string) => Promise<Record<string, unknown>>,
  ): Promise<CloudDone> => {
    const done: CloudDone = { done: {}, failed: {} }
    const one = async (name: string) => {
      try {
        done.done[name] = await turns(() => work(name), signal)
      } catch (error) {
        const { stage, left } = error instanceof ReactorError ? error.details : {}
        done.failed[name] = {
          Error: errorMessage(error),
          ...(typeof stage === 'string' ? { stage } : {}),
          ...(typeof left === 'string' ? { left } : {}),
        }
      }
    }
    const all = Promise.all(names.map(one))
    // Whoever asked may have gone: what was begun is still taken back.
    inHand.add(all.then(() => undefined))
    await all
    return done
  }

  const profileOf = (name: string, options: Record<string, unknown>) => {
    const { provider, minion, options: usual } = accounts.profile(name)
    const { minion: own, ...rest } = options
    return { provider, options: mergeConfig(usual, rest), minion: mergeConfig(minion, mapOf(own)) }
  }

  return {
    /** Throws `bad_argument` before anything is done where one of the names or what they are made like is wrong. */
    async create(
      from: { profile: string } | { provider: string },
      names: readonly string[],
      options: Record<string, unknown>,
      asking: Asking,
    ): Promise<CloudDone> {
      requireNames(names)
      const { minion: own, ...rest } = options
      const wanted =
        'profile' in from
          ? profileOf(from.profile, options)
          : { provider: from.provider, options: rest, minion: mapOf(own) }
      const profile = 'profile' in from ? from.profile : null
      const account = accounts.account(wanted.provider)
      requireNoSecrets(options, account.isSecret)
      const place = profile === null ? `a machine of '${wanted.provider}'` : `the profile '${profile}'`
      const read = account.read(wanted, place)
      const minions = new Map(
        names.map(name => [name, minionConfig(config, name, [account.minion, wanted.minion], place)]),
      )
      return each(names, asking.signal, name =>
        claimed(name, asking.signal, async signal => {
          const one: Wanted = { name, account, profile, read, minion: minions.get(name)! }
          await requireFree(parts, one, signal)
          return { ...shownInstance(await createInstance(partsFor(asking), one, signal), true), deployed: true }
        }),
      )
    },

    /** Throws `not_found` where none of the names is there; those that are not stand in `missing`. */
    async destroy(names: readonly string[], asking: Asking) {
      requireNames(names)
      const all = await Promise.all(
        accounts.all().map(async account => [account, await listed(account, asking.signal)] as const),
      )
      const found = all.flatMap(([account, instances]) =>
        instances.filter(({ name }) => names.includes(name)).map(instance => ({ account, instance })),
      )
      if (found.length === 0)
        throw new ReactorError('not_found', `no provider has a machine of that name: ${names.join(', ')}`)
      const of = (name: string) => found.filter(({ instance }) => instance.name === name)
      const taken = new Set<CloudInstance>()
      const { failed } = await each([...new Set(found.map(({ instance }) => instance.name))], asking.signal, name =>
        claimed(name, asking.signal, async signal => {
          for (const { account, instance } of of(name)) {
            // Another call may have been first.
            if (!(await listed(account, signal)).some(({ id }) => id === instance.id)) continue
            await destroyInstance(partsFor(asking), account, instance, signal)
            taken.add(instance)
          }
          return {}
        }),
      )
      const isTaken = ({ instance }: { instance: CloudInstance }) => taken.has(instance)
      const missing = names.filter(name => !Object.hasOwn(failed, name) && !of(name).some(isTaken))
      const destroyed = found.filter(isTaken).map(({ account, instance }) => ({
        provider: account.name,
        driver: account.driver,
        name: instance.name,
        value: { instance_id: instance.id, previousState: instance.state, currentState: 'terminated' },
      }))
      return { destroyed: byProvider(destroyed), failed, missing }
    },

    /** By provider, driver and name. A provider that cannot be asked stands in `failed`. */
    async query(full: boolean, asking: Asking) {
      const failed: Record<string, string> = {}
      const machines: Record<string, Record<string, Record<string, unknown>>> = {}
      const one = async (account: Account) => {
        try {
          const instances = await listed(account, asking.signal)
          const shown = instances.map(instance => [instance.name, shownInstance(instance, full)])
          machines[account.name] = { [account.driver]: Object.fromEntries(shown) }
        } catch (error) {
          failed[account.name] = errorMessage(error)
        }
      }
      await Promise.all(accounts.all().map(one))
      return { machines: Object.fromEntries(Object.entries(machines).sort(byName)), failed }
    },

    providers: (): Record<string, Record<string, unknown>> =>
      Object.fromEntries(accounts.all().map(({ name, driver }) => [name, { [driver]: {} }])),

    /** By provider, driver and name, without secrets. Throws `bad_argument` on a provider that there is not. */
    profiles: (provider: string) =>
      shownProfiles(provider === 'all' ? accounts.all() : [accounts.account(provider)], accounts.profiles),

    async stop() {
      await inHand.settle(STOP_WITHIN_MS)
      await accounts.close()
    },
  }
}

const byName = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1)

function mapOf(value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ReactorError('bad_argument', 'minion must be a map of settings, such as {"grains": {"role": "web"}}')
}
