// Handing records on to what takes them one by one and keeps no tables: which of them go, and what comes of a failure.
import { createInHand } from '../base/in-hand.ts'
import { isRefused } from '../functions/define-returner.ts'
import type { StoredReturn } from '../protocol/returned.ts'

/** Names a return for those who hear of it twice: `<jid>/<id>`. */
export const returnKey = ({ jid, id }: Pick<StoredReturn, 'jid' | 'id'>): string => `${jid}/${id}`

/** Of each key its last record. */
export const lastOfEach = <T>(records: readonly T[], keyOf: (record: T) => string): T[] => [
  ...new Map(records.map(record => [keyOf(record), record])).values(),
]

/**
 * Sends each, at most `atOnce` at a time. One that is refused lets the others go, and the first refusal is thrown at the end. On
 * any other failure nothing more is begun, and it is thrown once what was begun has ended.
 */
export async function handOn<T>(
  records: readonly T[],
  atOnce: number,
  send: (record: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  let failed = false
  let next = 0
  const work = async () => {
    while (next < records.length && !failed) {
      const record = records[next++]!
      await send(record).catch((error: unknown) => {
        errors.push(error)
        failed ||= !isRefused(error)
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, records.length) }, work))
  throwWorst(errors)
}

/** Throws the first failure that a later try may mend, else the first refusal. */
export function throwWorst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors.find(error => !isRefused(error)) ?? errors[0]
}

/** What a store is asked to do, so that it can be waited for when the store closes. */
export function createCalls() {
  const inHand = createInHand(() => undefined)
  return {
    hold<T>(call: Promise<T>): Promise<T> {
      inHand.add(call.then(() => undefined))
      return call
    },
    ended: () => inHand.settle(),
  }
}
