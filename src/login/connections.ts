// Live connections of those who came in by the callout: found on every server of the cluster, and cut.
import type { NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isPublicKey } from '../protocol/key.ts'

export type CalloutAccount = 'FLEET' | 'OPS'

export interface Connection {
  server: string
  cid: number
  /** The `name` of the login's JWT: a minion's id, an operator's name. */
  name: string
  /** Milliseconds, by the clock of its server. */
  ageMs: number
}

/** What the servers tell. Of a name that is `silent` nothing came, though a server has had it before. */
export interface Listed {
  connections: Connection[]
  silent: string[]
}

const CONNZ = '$SYS.REQ.SERVER.PING.CONNZ'
const kickSubject = (server: string) => `$SYS.REQ.SERVER.${server}.KICK`

/** How many connections a server tells of in one answer. */
const PAGE = 1024
const KICK_WITHIN_MS = 2000
const FIRST_WITHIN_MS = 2000
/** Servers answer side by side: one that is this much slower than the one before it counts as gone. */
export const LONG_STALL_MS = 2000
/** Servers that are remembered by name; clusters are smaller. */
const MAX_SERVERS = 256

const answered = z.object({
  server: z.object({ id: z.string().regex(/^N[A-Z2-7]{55}$/), name: z.string() }),
  data: z.object({
    now: z.string(),
    connections: z
      .array(
        z.object({
          cid: z.number().int(),
          start: z.string(),
          authorized_user: z.string().optional(),
          account: z.string().optional(),
        }),
      )
      .nullish(),
  }),
})
const kicked = z.object({ error: z.object({ code: z.number().optional(), description: z.string().optional() }) })

export type Connections = ReturnType<typeof createConnections>

/** `nc`: in AUTH, which takes CONNZ and KICK from SYS. */
export function createConnections(nc: NatsConnection, { page = PAGE }: { page?: number } = {}) {
  /** By name, since a server that starts again has another id. */
  const servers = new Set<string>()
  const saw = (name: string): void => {
    if (servers.size < MAX_SERVERS) servers.add(name)
  }

  /** Ends when nothing has come for `stallMs`, or when all of `expected` have answered. */
  async function onePage(
    asked: { account: CalloutAccount; user: string | undefined; offset: number },
    stallMs: number,
    expected?: ReadonlySet<string>,
  ) {
    const { account, user, offset } = asked
    const connz = { auth: true, acc: account, limit: page, offset, ...(user === undefined ? {} : { user }) }
    const answers = await nc.requestMany(CONNZ, JSON.stringify(connz), {
      strategy: 'stall',
      stall: stallMs,
      maxWait: FIRST_WITHIN_MS + 2 * stallMs,
    })
    const found: Connection[] = []
    const answering = new Set<string>()
    let more = false
    for await (const message of answers) {
      const read = answered.safeParse(message.json())
      if (!read.success)
        throw new ReactorError(
          'unreachable',
          `a server does not tell its connections: ${message.string().slice(0, 200)}`,
        )
      const { server, data } = read.data
      answering.add(server.name)
      const connections = data.connections ?? []
      more ||= connections.length >= page
      for (const { cid, start, authorized_user: name, account: acc } of connections) {
        // Static users stand there by their public key; the callout lets nobody have such a name.
        if (acc === account && name !== undefined && !isPublicKey(name))
          found.push({ server: server.id, cid, name, ageMs: Date.parse(data.now) - Date.parse(start) })
      }
      if (expected && [...expected].every(one => answering.has(one))) break
    }
    if (answering.size === 0) throw new ReactorError('unreachable', 'no NATS server tells its connections')
    return { found, more, answering }
  }

  async function list(account: CalloutAccount, stallMs: number, user?: string): Promise<Listed> {
    const first = await onePage({ account, user, offset: 0 }, stallMs)
    const silent = [...servers].filter(name => !first.answering.has(name))
    for (const name of first.answering) saw(name)
    const connections = first.found
    for (let offset = page, { more } = first; more; offset += page) {
      const next = await onePage({ account, user, offset }, stallMs, first.answering)
      connections.push(...next.found)
      more = next.more
    }
    return { connections, silent }
  }

  /** Ends one. One that is gone already is none of its errors. */
  async function cut({ server, cid }: Connection): Promise<void> {
    // A request: what is merely published reaches no server across the accounts.
    const answer = await nc.request(kickSubject(server), JSON.stringify({ cid }), { timeout: KICK_WITHIN_MS })
    const refused = kicked.safeParse(answer.json())
    if (refused.success && !/no such client/i.test(refused.data.error.description ?? ''))
      throw new ReactorError('unreachable', `a server does not end a connection: ${answer.string().slice(0, 200)}`)
  }

  /** Ends those that are still there. Throws where a server does not do it. */
  async function end(connections: readonly Connection[]): Promise<void> {
    const failed = (await Promise.allSettled(connections.map(cut))).find(result => result.status === 'rejected')
    if (failed) throw new ReactorError('unreachable', `a connection was not ended: ${errorMessage(failed.reason)}`)
  }

  return {
    /** There is a server of that name: it is missed where it does not answer. */
    saw,
    /** Not missed any longer, until they are seen again. */
    forget(names: readonly string[]): void {
      for (const name of names) servers.delete(name)
    },
    /**
     * Those of an account, on every server that answers within `stallMs` milliseconds of the one before. Throws where none
     * answers.
     */
    list: (account: CalloutAccount, stallMs: number) => list(account, stallMs),
    end,
    /** Ends every connection under one of the names; otherwise as `list` and `end`. */
    async kick(
      account: CalloutAccount,
      names: ReadonlySet<string>,
      stallMs: number,
    ): Promise<{ cut: number; silent: string[] }> {
      const [only] = names
      if (only === undefined) return { cut: 0, silent: [] }
      // Each server looks through all of its connections for one name: for many names, once through for all of them.
      const { connections, silent } = await list(account, stallMs, names.size === 1 ? only : undefined)
      const hit = connections.filter(({ name }) => names.has(name))
      await end(hit)
      return { cut: hit.length, silent }
    },
  }
}
