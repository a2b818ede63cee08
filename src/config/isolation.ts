// What `isolation: none` is held to: without accounts anybody who reaches the server is believed, so that nobody may
// reach it from elsewhere.
import { ReactorError } from '../base/errors.ts'
import { isLoopback } from '../base/loopback.ts'
import type { Config } from './schema.ts'

/** Throws `bad_config`, naming the host, where isolation is none and a server is not on loopback. */
export function requireIsolation({ isolation, servers }: Pick<Config, 'isolation' | 'servers'>): void {
  if (isolation !== 'none') return
  for (const server of servers) {
    const host = hostOf(server)
    if (host !== undefined && isLoopback(host)) continue
    throw new ReactorError(
      'bad_config',
      `isolation is none, but the NATS server ${host ?? 'given'} is not on loopback: without accounts anybody who reaches it is believed; use 127.0.0.1, or isolation: accounts`,
    )
  }
}

/** Read as the client reads it: the scheme is no matter, a port and a user may be there. Undefined: no address. */
function hostOf(server: string): string | undefined {
  const address = server.trim().replace(/^.*:\/\//, '')
  if (isLoopback(address)) return address
  try {
    return new URL(`http://${address}`).hostname
  } catch {
    return undefined
  }
}
