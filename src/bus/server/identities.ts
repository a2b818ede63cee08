// The keys of an installation: who is in the server's config by name, and the seeds that prove it.
import type { ServiceOrigin } from '../../protocol/origin.ts'
import { identityIn } from '../identity.ts'

/** `_master` is the origin of the service `master`. */
export type ServiceName = ServiceOrigin extends `_${infer Name}` ? Name : never

/** The services that there is a process for. */
export const SERVICE_NAMES = [
  'master',
  'reactor',
  'jobs',
  'schedule',
  'cache',
  'gateway',
] as const satisfies ServiceName[]

/** Names of the other seeds beside those of the services: the callout's login, the key that signs logins, the local operator. */
export const CALLOUT = 'callout'
export const ISSUER = 'issuer'
export const ADMIN = 'admin'

/** Public nkeys that the server's config names. */
export interface Identities {
  /** Users of CORE, each with the permissions of its service. */
  services: Partial<Record<ServiceName, string>>
  /** Who decides on every other login; without it only those named here come in. */
  callout?: {
    /** The user of AUTH that is asked: `U…`. */
    user: string
    /** The account key that signs the answers: `A…`. */
    issuer: string
  }
  /** Static minions, in FLEET: for tests, where no callout lets them in. */
  minions: { id: string; nkey: string }[]
  /** Static operators, in OPS. */
  operators: { name: string; nkey: string }[]
}

export interface Installation extends Identities {
  services: Record<(typeof SERVICE_NAMES)[number], string>
  callout: NonNullable<Identities['callout']>
  /** Public nkey of the local operator `admin`, who is the one in `operators`. */
  admin: string
}

/**
 * The identities of an installation whose seeds lie in `keyFile(name)`: of the services, `callout`, `issuer` and `admin`. A
 * file that is missing is made, with mode 0600. Throws `unwritable`, or `bad_config` on a file that holds no such seed.
 */
export async function makeIdentities(keyFile: (name: string) => string): Promise<Installation> {
  const user = (name: string) => identityIn(keyFile(name))
  const [services, calloutUser, issuer, admin] = await Promise.all([
    Promise.all(SERVICE_NAMES.map(async name => [name, await user(name)] as const)),
    user(CALLOUT),
    identityIn(keyFile(ISSUER), 'account'),
    user(ADMIN),
  ])
  return {
    services: Object.fromEntries(services) as Installation['services'],
    callout: { user: calloutUser, issuer },
    minions: [],
    operators: [{ name: ADMIN, nkey: admin }],
    admin,
  }
}
