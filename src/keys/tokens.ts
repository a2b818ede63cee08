// Join tokens: who shows one has its key accepted, so often and so long as it says. Only the hash of the secret is stored.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { openTable } from '../bus/table.ts'
import type { JoinToken, JoinTokens } from '../functions/wheel-context.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { bucketNames } from '../protocol/streams.ts'

export type Taken = { ok: true; name: string } | { ok: false; reason: string }

export interface TokenStore extends Running {
  create: JoinTokens['create']
  list: JoinTokens['list']
  revoke: JoinTokens['revoke']
  /** Takes one use for a minion: N uses are N, however many masters take at once. What is wrong with the token, else. */
  take(token: string, id: string): Promise<Taken>
  /** Gives back a use that came to nothing. */
  giveBack(name: string): Promise<void>
}

interface StoredToken extends JoinToken {
  /** SHA-256 of the secret, in hex. */
  hash: string
}

const PREFIX = 'rjt_'
const SECRET = /^rjt_[A-Za-z0-9_-]{32}$/
const MAX_USES = 1_000_000
const MAX_GLOB = 1000

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')
/** A token is found by its name, and its name by its hash: nothing is looked through. */
const nameOf = (hash: string): string => hash.slice(0, 12)

export async function openTokenStore(
  nc: NatsConnection,
  options: { namespace: string; replicas: number; clock: Clock; log: Log },
): Promise<TokenStore> {
  const { namespace, replicas, clock, log } = options
  const name = bucketNames(namespace).tokens
  const table = await openTable<StoredToken>(nc, name, { replicas, read: readToken, log })
  const isOver = (token: StoredToken) => token.expires <= clock.now()
  const purge = () => {
    for (const token of table.values.values()) {
      if (!isOver(token)) continue
      table
        .change(token.name, value => (value && isOver(value) ? undefined : value))
        .catch(error => log.warn({ token: token.name, error: errorMessage(error) }, 'an expired token is still stored'))
    }
  }
  const problemOf = (token: StoredToken | undefined, hash: string, id: string): string | undefined => {
    if (!token || !timingSafeEqual(Buffer.from(token.hash, 'hex'), Buffer.from(hash, 'hex')))
      return 'the join token is not known: it was revoked, has expired, or never was'
    if (isOver(token)) return `join token ${token.name} has expired`
    if (token.uses_left < 1) return `join token ${token.name} has no uses left`
    return createFnmatch(token.ids)(id) ? undefined : `join token ${token.name} is for the ids '${token.ids}'`
  }

  /** Many minions come with one token at once: their uses are taken together, in one change. */
  const takers = createGrouped(async (name: string, asked: readonly { hash: string; id: string }[]) => {
    let taken: Taken[] = []
    await table.change(name, value => {
      let left = value
      taken = asked.map(({ hash, id }) => {
        const reason = problemOf(left, hash, id)
        if (reason !== undefined || !left) return { ok: false, reason: reason ?? '' }
        left = { ...left, uses_left: left.uses_left - 1 }
        return { ok: true, name }
      })
      return left
    })
    return taken
  })

  return {
    async create({ ids, uses, expiresMs, by }) {
      if (ids === '' || ids.length > MAX_GLOB || /[\s\p{Cc}]/u.test(ids))
        throw new ReactorError('bad_argument', `ids must be a glob of 1 to ${MAX_GLOB} characters, such as 'web*'`)
      if (!Number.isSafeInteger(uses) || uses < 1 || uses > MAX_USES)
        throw new ReactorError('bad_argument', `uses must be a whole number from 1 to ${MAX_USES}, not ${uses}`)
      if (!Number.isFinite(expiresMs) || expiresMs <= 0)
        throw new ReactorError('bad_argument', "expires must be a time from now, such as '1h'")
      purge()
      for (;;) {
        const token = PREFIX + randomBytes(24).toString('base64url')
        const hash = hashOf(token)
        const made: JoinToken = {
          name: nameOf(hash),
          ids,
          expires: clock.now() + Math.round(expiresMs),
          uses_left: uses,
          created_by: by,
        }
        const { before } = await table.change(made.name, value => value ?? { ...made, hash })
        if (!before) return { ...made, token }
      }
    },
    list() {
      purge()
      const shown = [...table.values.values()].filter(token => !isOver(token)).map(({ hash: _hash, ...token }) => token)
      return shown.sort((a, b) => a.expires - b.expires || (a.name < b.name ? -1 : 1))
    },
    async revoke(wanted) {
      const { before } = await table.change(wanted, () => undefined)
      return before !== undefined && !isOver(before)
    },
    async take(token, id) {
      if (!SECRET.test(token)) return { ok: false, reason: 'the join token is malformed: it is rjt_ and 32 characters' }
      const hash = hashOf(token)
      return takers.ask(nameOf(hash), { hash, id })
    },
    async giveBack(wanted) {
      await table.change(wanted, value => value && { ...value, uses_left: value.uses_left + 1 })
    },
    stop: () => table.stop(),
  }
}

/** What is asked for one key while `answer` is under way for it is answered together, after that. */
function createGrouped<Q, A>(answer: (key: string, asked: readonly Q[]) => Promise<readonly A[]>) {
  type Waiting = { question: Q; resolve(answer: A): void; reject(error: unknown): void }
  const queues = new Map<string, Waiting[]>()
  const run = async (key: string, queue: Waiting[]) => {
    while (queue.length > 0) {
      const group = queue.splice(0)
      try {
        const answers = await answer(
          key,
          group.map(({ question }) => question),
        )
        for (const [at, { resolve }] of group.entries()) resolve(answers[at]!)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    queues.delete(key)
  }
  return {
    ask: (key: string, question: Q): Promise<A> =>
      new Promise((resolve, reject) => {
        const waiting = { question, resolve, reject }
        const queue = queues.get(key)
        if (queue) return void queue.push(waiting)
        const first = [waiting]
        queues.set(key, first)
        void run(key, first)
      }),
  }
}

function readToken(value: unknown): StoredToken {
  if (!isObject(value)) throw new Error('expected a map')
  const { name, ids, expires, uses_left, created_by, hash } = value
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash) || name !== nameOf(hash) || typeof ids !== 'string')
    throw new Error('expected {name, ids, hash}, the name being the beginning of the hash')
  if (typeof expires !== 'number' || !Number.isSafeInteger(uses_left) || typeof created_by !== 'string')
    throw new Error('expected {expires, uses_left, created_by}')
  return { name, ids, expires, uses_left: uses_left as number, created_by, hash }
}
