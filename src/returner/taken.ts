// What this process knows of records that it handed on: which were taken, and which can never be. A call that failed half way comes
// again as a whole, and one of which a record was refused comes again in halves: neither is to reach the other side twice.
import { createHash } from 'node:crypto'
import { errorMessage } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { isRefused, refused } from '../functions/define-returner.ts'
import type { JobLoad, StoredEvent, StoredReturn } from '../protocol/returned.ts'

/** A record on its way. */
export interface Item<T> {
  /** A later record of the same place stands for the earlier one. */
  place: string
  /** For those who hear of it twice: the same from every process, another one where the record says something else. */
  key: string
  record: T
}

/** Under `<jid>/<id>/<digest of what was returned>`: when it came is its sender's own. */
export function returnItem(record: StoredReturn): Item<StoredReturn> {
  const { jid, id, return: value, retcode, success, outcome } = record
  const place = `${jid}/${id}`
  const known = digests.get(record) ?? digest({ value, retcode, success, outcome })
  digests.set(record, known)
  return { place, key: `${place}/${known}`, record }
}

/** Returns may be large, and while a store is down the same ones come with every try. */
const digests = new WeakMap<StoredReturn, string>()

/** Under its id. Ids are chosen by who fires an event, so one of another origin is another event. */
export const eventItem = (record: StoredEvent): Item<StoredEvent> => ({
  place: `${record.id} ${record.origin}`,
  key: record.id,
  record,
})

export const loadItem = (record: JobLoad): Item<JobLoad> => ({
  place: `load ${record.jid}`,
  key: digest(record),
  record,
})

export const endItem = (record: { jid: string; endtime: string }): Item<typeof record> => ({
  place: `end ${record.jid}`,
  key: record.endtime,
  record,
})

/**
 * Text that is as good as the value to tell it from others. The order of keys counts: JSON keeps it from process to process, and to
 * sort the keys of a large return would hold up all else for seconds.
 */
const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16)

/** Of each place its last item. */
export const lastOfEach = <T>(items: readonly Item<T>[]): Item<T>[] => [
  ...new Map(items.map(item => [item.place, item])).values(),
]

type Outcome = 'taken' | { refusal: string }

export interface Taken {
  /** Of each place its last item, unless that was taken. */
  left<T>(items: readonly Item<T>[]): Item<T>[]
  /** Sends it unless it was taken, or is on its way; one that was refused is refused again. Remembers what came of it. */
  once<T>(item: Item<T>, send: () => Promise<void>): Promise<void>
  add(item: Item<unknown>): void
  forget(item: Item<unknown>): void
  /**
   * To be called once a call has ended. That one of several is refused is told again to the halves of the call, and forgotten with the
   * call that has it alone: who brings it once more, after a person has seen to it, wants it sent.
   */
  ended(items: readonly Item<unknown>[]): void
  readonly size: number
}

const MOST_REMEMBERED = 10_000
/** Characters of a refusal that are remembered. */
const LONGEST_REFUSAL = 500

/** Remembers the last `most` places. */
export function createTaken(most = MOST_REMEMBERED): Taken {
  const onTheirWay = new Map<string, { key: string; sent: Promise<void> }>()
  const known = new Map<string, { key: string; outcome: Outcome }>()
  const outcomeOf = ({ place, key }: Item<unknown>): Outcome | undefined => {
    const found = known.get(place)
    return found?.key === key ? found.outcome : undefined
  }
  const remember = ({ place, key }: Item<unknown>, outcome: Outcome) => {
    known.delete(place)
    known.set(place, { key, outcome })
    if (known.size > most) known.delete(known.keys().next().value!)
  }
  const sendNow = async (item: Item<unknown>, send: () => Promise<void>) => {
    try {
      await send()
    } catch (error) {
      if (isRefused(error)) remember(item, { refusal: cut(errorMessage(error), LONGEST_REFUSAL) })
      throw error
    }
    remember(item, 'taken')
  }

  return {
    left: items => lastOfEach(items).filter(item => outcomeOf(item) !== 'taken'),
    async once(item, send) {
      const before = outcomeOf(item)
      if (before === 'taken') return
      if (before) throw refused(before.refusal)
      const { place, key } = item
      // Who gave up waiting for a call comes again while it still goes on.
      const other = onTheirWay.get(place)
      if (other?.key === key) return other.sent
      const sent = sendNow(item, send)
      onTheirWay.set(place, { key, sent })
      await sent.finally(() => {
        if (onTheirWay.get(place)?.sent === sent) onTheirWay.delete(place)
      })
    },
    add: item => remember(item, 'taken'),
    forget: ({ place }) => void known.delete(place),
    ended(items) {
      const [one, ...others] = items
      if (one && others.length === 0 && known.get(one.place)?.outcome !== 'taken') known.delete(one.place)
    },
    get size() {
      return known.size
    },
  }
}
