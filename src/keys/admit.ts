// Whether a key that comes with a login is let in: by its state, else by the files, grains and join tokens that speak for it.
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { LOGIN_ACTS } from '../protocol/catalogue/keys.ts'
import { isPublicKey, type KeyEntry, minionIdProblem } from '../protocol/key.ts'
import { createPendingLimit } from './pending.ts'
import { createGrainFolder, createIdFile } from './signing-files.ts'
import { arrive } from './states.ts'
import type { KeyStore } from './store.ts'
import type { TokenStore } from './tokens.ts'

/** A login whose signature by `nkey` is proved. */
export interface MinionKeyLogin {
  id: string
  nkey: string
  /** A join token. */
  join?: string | undefined
  grains?: Readonly<Record<string, string>> | undefined
}

export interface Admission {
  /** As `salt/auth` has it. */
  act: (typeof LOGIN_ACTS)[number]
  /** One sentence for people. */
  reason: string
}

/** Throws `store_refused` where a key cannot be stored. */
export type Admit = (login: MinionKeyLogin) => Promise<Admission>

export interface AdmissionRules {
  auto_accept: boolean
  autosign_file?: string | undefined
  autoreject_file?: string | undefined
  autosign_grains_dir?: string | undefined
  /** 0: no limit. */
  max_minions: number
  max_pending: number
}

export interface AdmissionParts {
  store: KeyStore
  tokens: TokenStore
  rules: AdmissionRules
  audit: Audit
  /** Pending keys that gave way to newer ones. */
  onPendingFull(ids: string[]): void
  clock: Clock
  log: Log
}

const ACT = { accepted: 'accept', pending: 'pend', rejected: 'reject' } as const
const SAID = {
  accepted: 'its key is accepted',
  pending: 'its key waits to be accepted',
  rejected: 'its key is rejected',
} as const

export function createAdmission({ store, tokens, rules, audit, onPendingFull, clock, log }: AdmissionParts): Admit {
  const isAutorejected = rules.autoreject_file === undefined ? undefined : createIdFile(rules.autoreject_file, log)
  const isAutosigned = rules.autosign_file === undefined ? undefined : createIdFile(rules.autosign_file, log)
  const signingGrain =
    rules.autosign_grains_dir === undefined ? undefined : createGrainFolder(rules.autosign_grains_dir, log)
  const dropOldest = createPendingLimit(store, rules.max_pending)
  /** Ids whose key is being accepted: they count before it is stored, so that logins at once cannot exceed the limit. */
  const accepting = new Set<string>()
  store.follow((id, entry) => {
    if (entry?.own?.state === 'accepted') accepting.delete(id)
  })
  const isFull = (id: string) =>
    rules.max_minions > 0 && !accepting.has(id) && store.ids.accepted.size + accepting.size >= rules.max_minions
  const full: Admission = {
    act: 'full',
    reason: `${rules.max_minions} minions are accepted, and max_minions allows no more`,
  }

  type Change = Awaited<ReturnType<KeyStore['change']>>
  const bring = (login: MinionKeyLogin, state: 'accepted' | 'pending' | 'rejected', over = false): Promise<Change> =>
    store.change(login.id, entry => arrive(entry, { id: login.id, nkey: login.nkey, state, over }, clock.now()))

  const admissionOf = ({ nkey }: MinionKeyLogin, entry: KeyEntry | undefined, why?: string): Admission => {
    const own = entry?.own
    if (own?.nkey !== nkey) return { act: 'denied', reason: 'the id has another key' }
    return { act: ACT[own.state], reason: why ?? SAID[own.state] }
  }
  const recordRule = (action: string, user: string, { id }: MinionKeyLogin) =>
    audit('key', { user, source: 'FLEET', action, result: 'ok', about: [id] })

  /** Accepts the key in the name of a rule or token. Undefined: it came to nothing, for the key's state has changed. */
  const acceptBy = async (login: MinionKeyLogin, by: string, over: boolean): Promise<Admission & { done: boolean }> => {
    if (isFull(login.id)) return { ...full, done: false }
    accepting.add(login.id)
    try {
      const { before, after } = await bring(login, 'accepted', over)
      const done = after?.own?.nkey === login.nkey && after.own.state === 'accepted' && before?.own !== after.own
      if (done) recordRule('key.accept', by, login)
      return { ...admissionOf(login, after, done ? `its key was accepted by ${by}` : undefined), done }
    } finally {
      accepting.delete(login.id)
    }
  }
  const acceptByToken = async (login: MinionKeyLogin): Promise<Admission | { problem: string }> => {
    if (isFull(login.id)) return full
    const taken = await tokens.take(login.join!, login.id)
    if (!taken.ok) return { problem: taken.reason }
    let done = false
    try {
      const { done: accepted, ...admission } = await acceptBy(login, `token:${taken.name}`, true)
      done = accepted
      return admission
    } finally {
      if (!done) await tokens.giveBack(taken.name)
    }
  }
  const signedBy = async ({ id, grains }: MinionKeyLogin): Promise<string | undefined> => {
    if (rules.auto_accept) return 'auto_accept'
    if (await isAutosigned?.(id)) return 'autosign_file'
    const grain = grains && (await signingGrain?.(grains))
    return grain === undefined ? undefined : `autosign_grains_dir (${grain})`
  }

  return async login => {
    const problem = minionIdProblem(login.id)
    if (problem !== undefined) return { act: 'reject', reason: problem }
    if (!isPublicKey(login.nkey)) return { act: 'reject', reason: "its key is no public nkey ('U' and 55 more)" }
    const own = store.get(login.id)?.own
    if (own && own.nkey !== login.nkey) {
      if (own.state === 'pending' && login.join !== undefined && !(await isAutorejected?.(login.id))) {
        // Anybody may have made the key that waits; a token speaks for this one.
        const admission = await acceptByToken(login)
        if ('act' in admission) return admission
      }
      return admissionOf(login, (await bring(login, 'pending')).after)
    }
    if (own && own.state !== 'pending') return admissionOf(login, store.get(login.id))
    if (await isAutorejected?.(login.id)) {
      const { before, after } = await bring(login, 'rejected')
      if (before?.own !== after?.own) recordRule('key.reject', 'autoreject_file', login)
      return admissionOf(login, after, 'its key was rejected by autoreject_file')
    }
    if (!own && isFull(login.id)) return full
    const by = await signedBy(login)
    if (by !== undefined) {
      const { done: _done, ...admission } = await acceptBy(login, by, false)
      return admission
    }
    let note = ''
    if (login.join !== undefined) {
      const admission = await acceptByToken(login)
      if ('act' in admission) return admission
      note = `: ${admission.problem}`
    }
    const { before, after } = await bring(login, 'pending')
    if (!before?.own && after?.own?.state === 'pending') {
      const dropped = await dropOldest()
      if (dropped.length > 0) onPendingFull(dropped)
    }
    const admission = admissionOf(login, after)
    return admission.act === 'pend' ? { ...admission, reason: admission.reason + note } : admission
  }
}
