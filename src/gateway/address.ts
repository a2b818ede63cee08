// Whose request it is: the address at the other end, or where that is a trusted proxy, the one that the proxy saw.
import { type BlockList, isIP } from 'node:net'
import { networks } from '../config/gateway-schema.ts'

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** An IPv4 address that came by IPv6 is an IPv4 address. */
export const plainAddress = (address: string): string => MAPPED.exec(address)?.[1] ?? address

export const isWithin = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

/**
 * The last address of `X-Forwarded-For` that is no trusted proxy: those before it are what the sender says of itself.
 * Without one that is an address, it is the proxy's own.
 */
export function createAddressOf(trustedProxies: readonly string[]): (peer: string, forwarded?: string) => string {
  const trusted = networks(trustedProxies)
  return (peer, forwarded) => {
    let address = plainAddress(peer)
    const hops = forwarded === undefined ? [] : forwarded.split(',')
    while (hops.length > 0 && isWithin(trusted, address)) {
      const next = plainAddress(hops.pop()!.trim())
      if (isIP(next) === 0) break
      address = next
    }
    return address
  }
}

/** What is counted as one sender: an IPv4 address, or a network of IPv6 as one customer has it. */
export function senderOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = tail.split(':').filter(Boolean)
  const zeros = address.includes('::') ? Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0') : []
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
