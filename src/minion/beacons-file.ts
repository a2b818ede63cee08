// What a minion keeps of its beacons over restarts: what people have changed by calls and saved.
import { openDurableMap } from '../base/durable-map.ts'
import type { Log } from '../base/log.ts'
import { type BeaconChange, readChange } from '../beacon/book.ts'

export interface BeaconsFile {
  /** By the names of beacons, as they are on disk. */
  readonly changes: ReadonlyMap<string, BeaconChange>
  /** These and no others, on disk when it resolves with the file's path. Throws `unwritable`, `stopped`. */
  keep(changes: ReadonlyMap<string, BeaconChange>): Promise<string>
  close(): Promise<void>
}

/** Throws `unwritable`. */
export async function openBeaconsFile(path: string, log: Log): Promise<BeaconsFile> {
  const file = await openDurableMap<BeaconChange>(path, { read: readChange, log })
  return {
    changes: file.values,
    async keep(changes) {
      const gone = [...file.values.keys()].filter(name => !changes.has(name))
      await Promise.all([
        ...gone.map(name => file.delete(name)),
        ...[...changes].map(([name, change]) => file.put(name, change)),
      ])
      return path
    },
    close: () => file.close(),
  }
}
