// Records that a store will never take, beside the job cache: `<cache.dir>/refused/<returner>.jsonl`, with the reason of each.
import { join } from 'node:path'
import { openDurableMap } from '../../base/durable-map.ts'
import type { Log } from '../../base/log.ts'
import { formatStamp } from '../../protocol/event.ts'

export interface RefusedRecord {
  reason: string
  record: unknown
}

export interface RefusedRecords {
  readonly file: string
  /** Throws `unwritable`, also while another cache worker of the machine writes one. */
  add(key: string, refused: RefusedRecord): Promise<void>
}

/** The oldest gives way. */
const MOST = 1000
/** Characters of a record; of a larger one its key and its reason are kept. */
const LARGEST = 256 * 1024

export function refusedRecords(dir: string, name: string, log: Log): RefusedRecords {
  const file = join(dir, 'refused', `${name}.jsonl`)
  // One after another: the file has one writer.
  let last: Promise<unknown> = Promise.resolve()

  const add = async (key: string, { reason, record }: RefusedRecord) => {
    const map = await openDurableMap(file, { read: value => value, log })
    try {
      const size = JSON.stringify(record).length
      const kept = size <= LARGEST ? record : { _left_out: `a record of ${size} characters` }
      await map.put(key, { at: formatStamp(Date.now()), reason, record: kept })
      for (const oldest of map.values.keys()) {
        if (map.values.size <= MOST) break
        await map.delete(oldest)
      }
    } finally {
      await map.close()
    }
  }

  return {
    file,
    add(key, refused) {
      const added = last.then(() => add(key, refused))
      last = added.catch(() => undefined)
      return added
    },
  }
}
