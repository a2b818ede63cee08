// Whose live connections must end: minions whose key is not accepted any more, operators who were changed or removed.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { LOGIN_TIMEOUT_S } from '../bus/server/config.ts'
import type { KeyStore } from '../keys/store.ts'
import type { OperatorStore } from '../operators/store.ts'
import { type CalloutAccount, type Connections, LONG_STALL_MS } from './connections.ts'
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

/** A login can be held while its key is accepted: its connection is older than that by what a login may take. */
const LOGIN_MS = LOGIN_TIMEOUT_S * 1000
const AGAIN_AFTER_MS = 2000

export interface StrangersParts {
  letIn: LetIn
  connections: Pick<Connections, 'list' | 'end'>
  kicks: Pick<Kicks, 'cut'>
  clock: Pick<Clock, 'now'>
  log: Log
}

/**
 * Cuts once whoever is connected and would not be let in now: a key may have been deleted while no master ran that could cut.
 * So are connections from before their minion's key was accepted, which another key may have opened, and operators from before
 * this master's start, since roles of its config may allow less than they did: whoever may comes in again by itself. Tries
 * until it succeeds.
 */
export function cutStrangers({ letIn, connections, kicks, clock, log }: StrangersParts): Running {
  const { keys, operators } = letIn
  const began = clock.now()
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  /** Since when a connection under the name may be there; undefined: none may be. */
  const since: Record<CalloutAccount, (name: string) => number | undefined> = {
    FLEET(id) {
      const own = keys.get(id)?.own
      return own?.state === 'accepted' ? own.since - LOGIN_MS : undefined
    },
    OPS: name => (operators.find(name) ? began : undefined),
  }
  const look = async () => {
    for (const account of ['FLEET', 'OPS'] as const) {
      const asked = clock.now()
      const listed = await connections.list(account, LONG_STALL_MS)
      if (stopped) return
      const late = listed.connections.filter(({ name, ageMs }) => {
        const from = since[account](name)
        if (from === undefined) kicks.cut(account, name)
        return from !== undefined && asked - ageMs < from
      })
      await connections.end(late)
      if (late.length > 0)
        log.info({ account, connections: late.length }, 'connections from before were cut: they log in again')
    }
  }
  const run = async (told = false): Promise<void> => {
    try {
      await look()
    } catch (error) {
      if (stopped) return
      if (!told) log.warn({ error: errorMessage(error) }, 'who is connected cannot be looked at yet; it is tried again')
      timer = setTimeout(run, AGAIN_AFTER_MS, true)
    }
  }
  void run()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
