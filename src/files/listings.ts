// Lists of files in pages that fit a message. Later pages are of the list that the first one was of, while it is kept.
import { createTurns } from '../base/turns.ts'
import type { ListPage, ListRequest } from './protocol.ts'
import type { Listing, Roots } from './roots.ts'

export interface Listings {
  /** Of at most so many bytes, but one path at least. */
  page(request: ListRequest, bytes: number): Promise<ListPage>
}

const WALKS_AT_ONCE = 2
const KEPT = 4
const KEPT_MS = 30_000

export function createListings(roots: Roots): Listings {
  const turns = createTurns(WALKS_AT_ONCE)
  /** Those that have further pages, the longest unused first. */
  const kept = new Map<string, Listing>()
  let forget: NodeJS.Timeout | undefined

  const keep = (key: string, listing: Listing) => {
    kept.delete(key)
    kept.set(key, listing)
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!)
    clearTimeout(forget)
    forget = setTimeout(() => kept.clear(), KEPT_MS).unref()
  }

  return {
    async page({ op, saltenv, prefix, after }, bytes) {
      const key = `${saltenv}\0${prefix}`
      const listing =
        (after === undefined ? undefined : kept.get(key)) ?? (await turns(() => roots.list(saltenv, prefix)))
      const all = op === 'list' ? listing.files : listing.dirs
      const from = after === undefined ? 0 : all.findIndex(path => path > after)
      const paths: string[] = []
      let room = bytes
      for (let at = from; at >= 0 && at < all.length; at++) {
        room -= Buffer.byteLength(JSON.stringify(all[at])) + 1
        if (room < 0 && paths.length > 0) {
          keep(key, listing)
          return { paths, more: true }
        }
        paths.push(all[at]!)
      }
      return { paths, more: false }
    },
  }
}
