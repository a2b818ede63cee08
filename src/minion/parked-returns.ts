// What a person does about returns that did not get to their returners: look at them, put them back, let go of them.
import { REDACTED } from '../base/redact.ts'
import type { MinionReturners, ParkedReturn, WhichReturns } from '../functions/minion-context.ts'
import { formatStamp } from '../protocol/event.ts'
import type { RefusedReturn, RefusedReturns } from './refused-returns.ts'
import type { Destination, Undelivered } from './returner-spool.ts'

export interface ParkedReturnsParts {
  refused: RefusedReturns
  /** Has it wait for its returner again, and calls `taken` once it is on disk there. Why it cannot; undefined: it does. */
  putBack(undelivered: Undelivered, taken: () => Promise<void>): Promise<string | undefined>
}

export type ParkedReturns = Pick<MinionReturners, 'parked' | 'retry'> & {
  drop(which: WhichReturns): Promise<number>
}

/** What a call brought along may hold secrets, in whatever place: what is kept says only which settings there were. */
export const withoutSettings = ({ ret_kwargs, ...to }: Destination): Destination =>
  ret_kwargs ? { ...to, ret_kwargs: Object.fromEntries(Object.keys(ret_kwargs).map(key => [key, REDACTED])) } : to

const NO_SETTINGS =
  'the settings that its call brought along (ret_kwargs) are not kept, so where it belongs is not known'

export const isOf = ({ returner, jid }: WhichReturns, { to, returned }: Undelivered): boolean =>
  (returner === undefined || to.returner === returner) && (jid === undefined || returned.jid === jid)

export function createParkedReturns({ refused, putBack }: ParkedReturnsParts): ParkedReturns {
  const find = async (which: WhichReturns) => [...(await refused.all())].filter(([, one]) => isOf(which, one))
  return {
    parked: async which => (await find(which)).map(([, one]) => shown(one)),
    async retry(which) {
      const left: ParkedReturn[] = []
      let retried = 0
      for (const [key, one] of await find(which)) {
        const { to, returned } = one
        const problem = to.ret_kwargs ? NO_SETTINGS : await putBack({ to, returned }, () => refused.remove(key))
        if (problem === undefined) retried += 1
        else left.push({ ...shown(one), reason: problem })
      }
      return { retried, left }
    },
    async drop(which) {
      const found = await find(which)
      for (const [key] of found) await refused.remove(key)
      return found.length
    },
  }
}

const shown = ({ to, returned, reason, at }: RefusedReturn): ParkedReturn => ({
  jid: returned.jid,
  fun: returned.fun,
  returner: to.returner,
  reason,
  _stamp: formatStamp(at),
})
