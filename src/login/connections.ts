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
}

const CONNZ = '$SYS.REQ.SERVER.PING.CONNZ'
const kickSubject = (server: string) => `$SYS.REQ.SERVER.${server}.KICK`

/** How many connections a server tells of in one answer. */
const PAGE = 1024
/** Servers answer side by side; when nothing has come for this long, all have. */
const STALL_MS = 250
const LONGEST_MS = 2000

const answered = z.object({
  server: z.object({ id: z.string().regex(/^N[A-Z2-7]{55}$/) }),
  data: z.object({
    connections: z
      .array(
        z.object({ cid: z.number().int(), authorized_user: z.string().optional(), account: z.string().optional() }),
      )
      .nullish(),
  }),
})
const kicked = z.object({ error: z.object({ code: z.number().optional(), description: z.string().optional() }) })

export type Connections = ReturnType<typeof createConnections>

/** `nc`: in AUTH, which takes CONNZ and KICK from SYS. */
export function createConnections(nc: NatsConnection, { page = PAGE }: { page?: number } = {}) {
  async function onePage(account: CalloutAccount, user: string | undefined, offset: number) {
    const asked = { auth: true, acc: account, limit: page, offset, ...(user === undefined ? {} : { user }) }
    const answers = await nc.requestMany(CONNZ, JSON.stringify(asked), {
      strategy: 'stall',
      stall: STALL_MS,
      maxWait: LONGEST_MS,
    })
    const found: Connection[] = []
    let servers = 0
    let more = false
    for await (const message of answers) {
      const read = answered.safeParse(message.json())
      if (!read.success)
        throw new ReactorError(
          'unreachable',
          `a server does not tell its connections: ${message.string().slice(0, 200)}`,
        )
      servers++
      const connections = read.data.data.connections ?? []
      more ||= connections.length >= page
      for (const { cid, authorized_user: name, account: acc } of connections) {
        // Static users stand there by their public key; the callout lets nobody have such a name.
        if (acc === account && name !== undefined && !isPublicKey(name))
          found.push({ server: read.data.server.id, cid, name })
      }
    }
    if (servers === 0) throw new ReactorError('unreachable', 'no NATS server tells its connections')
    return { found, more }
  }

  async function list(account: CalloutAccount, user?: string): Promise<Connection[]> {
    const all: Connection[] = []
    for (let offset = 0, more = true; more; offset += page) {
      const next = await onePage(account, user, offset)
      all.push(...next.found)
      more = next.more
    }
    return all
  }

  /** Ends one. One that is gone already is none of its errors. */
  async function cut({ server, cid }: Connection): Promise<void> {
    // A request: what is merely published reaches no server across the accounts.
    const answer = await nc.request(kickSubject(server), JSON.stringify({ cid }), { timeout: LONGEST_MS })
    const refused = kicked.safeParse(answer.json())
    if (refused.success && !/no such client/i.test(refused.data.error.description ?? ''))
      throw new ReactorError('unreachable', `a server does not end a connection: ${answer.string().slice(0, 200)}`)
  }

  return {
    /** Those of an account, on every server. Throws where none answers. */
    list: (account: CalloutAccount) => list(account),

    /** Ends every connection under one of the names; answers how many. Throws where a server does not do it. */
    async kick(account: CalloutAccount, names: ReadonlySet<string>): Promise<number> {
      const [only] = names
      if (only === undefined) return 0
      // Each server looks through all of its connections for one name: for many names, once through for all of them.
      const candidates = names.size === 1 ? await list(account, only) : await list(account)
      const hit = candidates.filter(({ name }) => names.has(name))
      const failed = (await Promise.allSettled(hit.map(cut))).find(result => result.status === 'rejected')
      if (failed) throw new ReactorError('unreachable', `a connection was not ended: ${errorMessage(failed.reason)}`)
      return hit.length
    },
  }
}
