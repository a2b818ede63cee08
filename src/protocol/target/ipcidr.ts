// Addresses and networks of both IP versions, as Python's ipaddress reads them.
import { isIPv4, isIPv6 } from 'node:net'
import { badTarget, show } from './problem.ts'

interface Address {
  version: 4 | 6
  value: bigint
}

/** The version that is asked for, and whether an address lies in it. Throws `bad_argument`. */
export function compileNetwork(text: string): { version: 4 | 6; holds(address: string): boolean } {
  const [base = '', prefix, more] = text.split('/')
  const address = parseAddress(base)
  const expected = 'an address or a network, for example 10.0.0.0/8, 192.168.1.7 or 2001:db8::/32'
  if (!address || more !== undefined) throw badTarget(`${show(text)} is neither; an ipcidr target is ${expected}`)
  const bits = address.version === 4 ? 32 : 128
  const length = prefix === undefined ? bits : prefixLength(prefix, address.version)
  if (length === undefined)
    throw badTarget(`the prefix of ${show(text)} is a number from 0 to ${bits}${bits === 32 ? ', or a netmask' : ''}`)
  const shift = BigInt(bits - length)
  const network = address.value >> shift
  if (network << shift !== address.value) {
    const meant = bits === 32 ? `; the network is ${dotted(network << shift)}/${length}` : ''
    throw badTarget(`${show(text)} has bits set behind its prefix${meant}`)
  }
  return {
    version: address.version,
    holds(candidate) {
      const parsed = parseAddress(candidate)
      return parsed?.version === address.version && parsed.value >> shift === network
    },
  }
}

function prefixLength(text: string, version: 4 | 6): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (version === 4 ? 32 : 128) ? Number(text) : undefined
  const mask = version === 4 ? parseAddress(text) : undefined
  if (mask?.version !== 4) return undefined
  const bits = mask.value.toString(2).padStart(32, '0')
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined
}

function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { version: 4, value: value4(text) }
  return isIPv6(text) ? { version: 6, value: value6(text) } : undefined
}

const value4 = (text: string): bigint => BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0))

function value6(text: string): bigint {
  // A zone (`%eth0`) says where the address holds, not which it is.
  const hex = text.replace(/%.*/, '').replace(/[\d.]+\.[\d.]+$/, dots => {
    const value = value4(dots)
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
  })
  const [head = '', tail] = hex.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [front, back] = [groups(head), groups(tail ?? '')]
  const all = [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
  return BigInt(`0x${all.map(group => group.padStart(4, '0')).join('')}`)
}

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 255n).join('.')
