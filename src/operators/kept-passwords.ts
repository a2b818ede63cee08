// The bucket `passwords`: the hashes that passwords are tried against. Only the master may read it: what lies beside an
// operator's roles, for every service, is a name for the hash that nobody can try passwords against.
import { createHash } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { openTable } from '../bus/table.ts'
import { bucketNames } from '../protocol/streams.ts'
import { isPasswordHash } from './password.ts'

export interface KeptPasswords extends Running {
  /** The hash under that name, where it is known by now. */
  find(id: string): string | undefined
  /** Stores the hash of an operator, and gives its name. Throws `store_refused`. */
  keep(operator: string, hash: string): Promise<string>
  /** Throws `store_refused`. */
  forget(id: string): Promise<void>
}

export const isPasswordId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\da-f]{64}$/.test(value)

export async function openKeptPasswords(
  nc: NatsConnection,
  { namespace, replicas, log }: { namespace: string; replicas: number; log: Log },
): Promise<KeptPasswords> {
  const table = await openTable(nc, bucketNames(namespace).passwords, { replicas, read: readHash, log })
  return {
    find: id => table.values.get(id)?.hash,
    async keep(operator, hash) {
      // The hash holds a salt of its own: without it, its digest tells nothing of the password.
      const id = createHash('sha256').update(`${operator}\n${hash}`).digest('hex')
      await table.change(id, () => ({ hash }))
      return id
    },
    async forget(id) {
      await table.change(id, () => undefined)
    },
    stop: () => table.stop(),
  }
}

function readHash(value: unknown): { hash: string } {
  if (isObject(value) && typeof value.hash === 'string' && isPasswordHash(value.hash)) return { hash: value.hash }
  throw new Error('expected {hash} of a password')
}
