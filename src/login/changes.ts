// Whose live connections must end: minions whose key is not accepted any more, operators who were changed or removed.
import type { KeyStore } from '../keys/store.ts'
import type { OperatorStore } from '../operators/store.ts'
import type { CalloutAccount, Connections } from './connections.ts'
import type { Kicks } from './kicks.ts'

export interface LetIn {
  keys: Pick<KeyStore, 'get' | 'follow'>
  operators: Pick<OperatorStore, 'find' | 'onChange'>
}

/** Cuts whoever is concerned by a change, until the returned function is called. */
export function cutOnChange({ keys, operators }: LetIn, kicks: Pick<Kicks, 'cut'>): () => void {
  const unfollow = [
    keys.follow((id, entry, before) => {
      if (before?.own?.state !== 'accepted') return
      const own = entry?.own
      if (own?.state === 'accepted' && own.nkey === before.own.nkey) return
      kicks.cut('FLEET', id)
    }),
    // Also of a change of roles: what an operator may do is in their login.
    operators.onChange(name => kicks.cut('OPS', name)),
  ]
  return () => {
    for (const one of unfollow) one()
  }
}

/**
 * Cuts whoever is connected and would not be let in now: a key may have been deleted while no master ran that could cut.
 * Throws where no server tells its connections.
 */
export async function cutStrangers({ keys, operators }: LetIn, connections: Connections, kicks: Kicks): Promise<void> {
  const known: Record<CalloutAccount, (name: string) => boolean> = {
    FLEET: id => keys.get(id)?.own?.state === 'accepted',
    OPS: name => operators.find(name) !== undefined,
  }
  for (const account of ['FLEET', 'OPS'] as const) {
    const names = new Set((await connections.list(account)).map(({ name }) => name))
    for (const name of names) if (!known[account](name)) kicks.cut(account, name)
  }
}
