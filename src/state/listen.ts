// What listens: states that do something once more at the end of the run, where what they listen to has changed.
import type { StateRun } from '../functions/states.ts'
import { hasChanged } from './result.ts'
import { type Chunk, chunkTag, type Resolved } from './types.ts'

export interface Listener {
  /** The place in the list of chunks. */
  at: number
  /** As its result is kept, under an ID of its own as in Salt. */
  chunk: Chunk
}

/** The listeners that are to act, in the order of the run. */
export function listenersOf(
  chunks: readonly Chunk[],
  requisites: readonly (readonly Resolved[])[],
  run: StateRun,
): Listener[] {
  const changed = (at: number) => {
    const result = run[chunkTag(chunks[at]!)]
    return result !== undefined && hasChanged(result)
  }
  return chunks.flatMap((chunk, at) => {
    const listened = requisites[at]!.filter(({ kind }) => kind === 'listen').flatMap(one => one.chunks)
    if (!listened.some(changed)) return []
    return [{ at, chunk: { ...chunk, __id__: `listener_${chunk.__id__}` } }]
  })
}

/** The key of a listener's result. */
export const listenerTag = (chunk: Chunk): string => chunkTag({ ...chunk, fun: 'mod_watch' })

/** What is listened to and is not there: its key, and Salt's words. */
export function lostListened(requisites: readonly (readonly Resolved[])[]) {
  return requisites.flatMap((all, at) =>
    all
      .filter(({ kind, chunks }) => kind === 'listen' && chunks.length === 0)
      .flatMap(({ wanted }) =>
        Object.entries(wanted).map(([module, id]) => ({
          at,
          name: `listen_${module}:${id}`,
          tag: `Listen_Error_|-listen_${id}_|-listen_${module}_|-Listen_Error`,
          comment: `Referenced state ${module}: ${id} does not exist`,
        })),
      ),
  )
}
