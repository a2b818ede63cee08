// A client of a few lines, which says to the server what an attacker likes, byte for byte, and keys that sign fast.
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { fromSeed, Prefix } from '@nats-io/nkeys'
import { Codec } from '@nats-io/nkeys/lib/codec.js'
import { encodeMinionLogin, type MinionLogin, minionUser } from '../../src/protocol/login.ts'
import { createSeen, type Seen } from '../helpers/wait.ts'

export interface Wire {
  /** Offered by the server to this connection. */
  nonce: string
  /** The server's id. */
  serverId: string
  /** What it has said since its INFO, a line each. */
  lines: Seen<string>
  say(bytes: string | Buffer): void
  /** Says it; resolves with all lines but INFO that came before the server's next PONG. */
  ask(bytes: string): Promise<string[]>
  /** Resolves when the connection has ended, from either side. */
  ended: Promise<void>
  end(): void
}

/** Connects and hears the INFO. `from`: the address that it comes from. */
export async function openWire(url: string, from = '127.0.0.1'): Promise<Wire> {
  const { hostname: host, port } = new URL(url)
  const socket = createConnection({ host, port: Number(port), localAddress: from, noDelay: true })
  const lines = createSeen<string>()
  let rest = ''
  socket.setEncoding('latin1').on('data', data => {
    const parts = (rest + data).split('\r\n')
    rest = parts.pop()!
    for (const line of parts) lines.push(line)
  })
  // A connection that the server resets has ended, and that is all.
  socket.on('error', () => undefined)
  const ended = once(socket, 'close').then(
    () => undefined,
    () => undefined,
  )
  const dead = ended.then(() => {
    throw new Error(`the server has ended the connection, after ${JSON.stringify(lines.items.slice(-2))}`)
  })
  dead.catch(() => undefined)
  const info = JSON.parse((await Promise.race([lines.reach(1), dead]))[0]!.slice('INFO '.length))
  let told = 1
  const wire: Wire = {
    nonce: info.nonce,
    serverId: info.server_id,
    lines,
    say: bytes => void socket.write(bytes),
    async ask(bytes) {
      const start = told
      socket.write(`${bytes}PING\r\n`)
      const isNew = (line: string) => line === 'PONG' && lines.items.indexOf(line, start) >= start
      await Promise.race([lines.find(isNew, 'a PONG'), dead])
      told = lines.items.indexOf('PONG', start) + 1
      return lines.items.slice(start, told - 1).filter(line => !line.startsWith('INFO '))
    },
    ended,
    end: () => socket.destroy(),
  }
  return wire
}

/** What a CONNECT says. */
export type Words = Record<string, unknown>

export const connectLine = (words: Words): string => `CONNECT ${JSON.stringify({ ...CLIENT, ...words })}\r\n`

const CLIENT = { verbose: false, pedantic: false, lang: 'wire', version: '1', protocol: 1, headers: true }

export type Outcome = { in: true; wire: Wire } | { in: false; said: string }

/** Logs in with the words that are made for the nonce. */
export async function knock(url: string, words: (nonce: string) => Words, from?: string): Promise<Outcome> {
  const wire = await openWire(url, from)
  try {
    await wire.ask(connectLine(words(wire.nonce)))
    return { in: true, wire }
  } catch {
    wire.end()
    return { in: false, said: wire.lines.items.filter(line => line.startsWith('-ERR')).join(' ') }
  }
}

export interface RawKey {
  nkey: string
  /** Of the nonce, as a login has it. */
  sig(nonce: string): string
}

export function rawKey(): RawKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return {
    nkey: Buffer.from(Codec.encode(Prefix.User, raw)).toString(),
    sig: nonce => sign(null, Buffer.from(nonce), privateKey).toString('base64'),
  }
}

export const byKey =
  (key: RawKey, more: Words = {}) =>
  (nonce: string): Words => ({ nkey: key.nkey, sig: key.sig(nonce), ...more })

export const asMinion = (id: string, key: RawKey, login: MinionLogin = {}) =>
  byKey(key, { user: minionUser(id), pass: encodeMinionLogin(login) })

/** The key of a service, the callout or the admin, as a thief of its file has it. */
export function stolenKey({ dir }: { dir: string }, name: string): RawKey {
  const pair = fromSeed(readFileSync(join(dir, 'keys', `${name}.nk`)).subarray(0, 58))
  return {
    nkey: pair.getPublicKey(),
    sig: nonce => Buffer.from(pair.sign(Buffer.from(nonce))).toString('base64'),
  }
}
