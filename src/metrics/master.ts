// Numbers of a master: keys, minions that are there, and logins.
import type { Presence } from '../fleet/presence.ts'
import type { KeyStore } from '../keys/store.ts'
import type { Logins } from '../login/callout.ts'
import { by, type Source } from './registry.ts'

export interface MasterNumbers {
  keys: Pick<KeyStore, 'ids'>
  presence: Pick<Presence, 'connected' | 'losses'>
  /** Without a callout there are none. */
  logins: (() => ReturnType<Logins['stats']>) | undefined
}

export function masterSource({ keys, presence, logins }: MasterNumbers): Source {
  return () => ({
    reactor_keys: by('state', Object.entries(keys.ids), ids => ids.size),
    reactor_minions_connected: presence.connected().length,
    reactor_minions_lost_total: presence.losses(),
    reactor_logins_total: Object.entries(logins?.() ?? {}).flatMap(([who, counts]) =>
      Object.entries(counts).map(([result, value]) => ({ labels: { who, result }, value: value as number })),
    ),
  })
}
