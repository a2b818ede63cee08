// The claim on a name: one call at a time, of whichever job worker, makes or takes away what is called so.
import { ReactorError } from '../base/errors.ts'
import type { Leases } from '../bus/lease.ts'
import { escapeId } from '../protocol/token.ts'

/** For longer than what a worker that died has of a name. */
const CLAIM_MS = 6000

/** Throws `bad_argument` where another call has the name; the signal of `work` is aborted where the claim is lost. */
export type Claimed = <T>(name: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>) => Promise<T>

export function createClaims(leases: Pick<Leases, 'take'>): Claimed {
  return async (name, signal, work) => {
    const waiting = AbortSignal.any([signal, AbortSignal.timeout(CLAIM_MS)])
    const lease = await leases.take(`cloud.${escapeId(name)}`, waiting)
    try {
      signal.throwIfAborted()
      if (!lease) throw new ReactorError('bad_argument', `another call makes or takes away '${name}' just now`)
      const lost = new AbortController()
      const lose = () => lost.abort(new ReactorError('unreachable', `the claim on the name '${name}' was lost`))
      lease.lost.addEventListener('abort', lose)
      try {
        return await work(AbortSignal.any([signal, lost.signal]))
      } finally {
        lease.lost.removeEventListener('abort', lose)
      }
    } finally {
      await lease?.release()
    }
  }
}
