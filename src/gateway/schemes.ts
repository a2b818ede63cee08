// How senders sign: where the signature and the time stand, and what is signed. One shape for all of them.
import type { IncomingHttpHeaders } from 'node:http'
import type { AuthConfig } from '../config/gateway-schema.ts'
import type { Kind } from './content.ts'

export interface Scheme {
  algorithm: string
  encoding: 'hex' | 'base64'
  /** How far the time may be from now, milliseconds; undefined: the sender signs no time. */
  tolerance: number | undefined
  read(headers: IncomingHttpHeaders): Signed | undefined
  /** Before and after the body. */
  around(time: string): readonly [string, string]
  /** A field of the body that names the delivery over its retries, each of which is signed anew. */
  field?: string
  /** As what its bodies are read, where that decides whether there is such a field: nobody signs their type. */
  kinds?: readonly Kind[]
}

export interface Signed {
  time: string
  signatures: string[]
}

const FIVE_MINUTES_MS = 5 * 60_000

type Signing = Exclude<AuthConfig, { type: 'bearer' }>

export function schemeOf(auth: Signing): Scheme {
  if (auth.type === 'stripe') return stripe(auth.tolerance)
  if (auth.type === 'github') return plain({ header: 'x-hub-signature-256', prefix: 'sha256=', around: () => ['', ''] })
  if (auth.type === 'slack')
    return {
      ...plain({
        header: 'x-slack-signature',
        prefix: 'v0=',
        timestamp: 'x-slack-request-timestamp',
        tolerance: auth.tolerance,
        around: time => [`v0:${time}:`, ''],
      }),
      field: 'event_id',
      kinds: ['json', 'form'],
    }
  const { header, prefix, algorithm, encoding, timestamp, tolerance = FIVE_MINUTES_MS } = auth
  const signed = auth.signed ?? (timestamp === undefined ? '{body}' : '{timestamp}.{body}')
  const [before = '', after = ''] = signed.split('{body}')
  const filled = (text: string, time: string) => text.replaceAll('{timestamp}', time)
  const around = (time: string) => [filled(before, time), filled(after, time)] as const
  return { ...plain({ header, prefix, timestamp, tolerance, around }), algorithm, encoding }
}

interface Plain {
  header: string
  prefix: string
  timestamp?: string | undefined
  tolerance?: number | undefined
  around: Scheme['around']
}

/** One signature in one header, and the time in another. */
function plain({ header, prefix, timestamp, tolerance, around }: Plain): Scheme {
  return {
    algorithm: 'sha256',
    encoding: 'hex',
    tolerance: timestamp === undefined ? undefined : tolerance,
    around,
    read(headers) {
      const value = one(headers[header])
      const time = timestamp === undefined ? '' : one(headers[timestamp])
      if (value === undefined || time === undefined || !value.startsWith(prefix)) return undefined
      return { time, signatures: [value.slice(prefix.length)] }
    },
  }
}

const MOST_SIGNATURES = 10

/** `t=1492774577,v1=5257a8…,v1=…`; other schemes than v1 do not count. */
const stripe = (tolerance: number): Scheme => ({
  algorithm: 'sha256',
  encoding: 'hex',
  tolerance,
  field: 'id',
  kinds: ['json'],
  around: time => [`${time}.`, ''],
  read(headers) {
    const parts = (one(headers['stripe-signature']) ?? '').split(',').map(part => part.trim())
    const of = (name: string) => parts.filter(part => part.startsWith(name)).map(part => part.slice(name.length))
    const times = of('t=')
    const signatures = of('v1=').slice(0, MOST_SIGNATURES)
    return times.length === 1 && signatures.length > 0 ? { time: times[0]!, signatures } : undefined
  },
})

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? undefined : value)
