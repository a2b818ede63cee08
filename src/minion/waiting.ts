// The jobs that wait for others to end, in the order in which they came.
import type { JobMessage } from '../protocol/job.ts'

export interface WaitingEntry {
  readonly job: JobMessage
  /** Taken out of the line before it was started. */
  removed(): boolean
  /** It starts now, or never: its answer need not wait. */
  started(): void
  /** Whether its start must be said, because it was not known when the job was answered. */
  announced(): boolean
}

export interface Place {
  /** It is on disk, so it may start. */
  stored(): void
  /** False where it has to wait so long that its start is announced. */
  readonly startsSoon: Promise<boolean>
}

export interface WaitingJobs {
  size(): number
  /** `announce`: whenever it starts, that is to be said. */
  add(job: JobMessage, announce: boolean): Place
  /** The next one, once it is on disk; it can be removed until it is `started`. */
  shift(): WaitingEntry | undefined
  remove(jid: string): WaitingEntry | undefined
  /** Its start is to be said, whenever that is. */
  announce(jid: string): void
}

/** A burst of short jobs is through in this time; its answers need not say that they wait, nor events that they started. */
const SOON_MS = 100

interface Entry extends WaitingEntry {
  ready: boolean
  announce(): void
  remove(): void
}

export function createWaitingJobs(): WaitingJobs {
  const entries = new Map<string, Entry>()
  const starting = new Map<string, Entry>()
  return {
    size: () => entries.size,
    add(job, announce) {
      let isAnnounced = announce
      let answer: (soon: boolean) => void = () => undefined
      const startsSoon = new Promise<boolean>(resolve => {
        answer = resolve
      })
      const wait = () => {
        isAnnounced = true
        answer(false)
      }
      let timer: NodeJS.Timeout | undefined
      let isRemoved = false
      const entry: Entry = {
        job,
        ready: false,
        removed: () => isRemoved,
        announced: () => isAnnounced,
        announce: () => {
          isAnnounced = true
        },
        started: () => {
          starting.delete(job.jid)
          clearTimeout(timer)
          answer(true)
        },
        remove: () => {
          isRemoved = true
          entries.delete(job.jid)
          entry.started()
        },
      }
      entries.set(job.jid, entry)
      return {
        stored() {
          entry.ready = true
          if (announce) answer(false)
          else timer = setTimeout(wait, SOON_MS)
        },
        startsSoon,
      }
    },
    shift() {
      const first = entries.values().next().value
      if (!first?.ready) return undefined
      entries.delete(first.job.jid)
      starting.set(first.job.jid, first)
      return first
    },
    remove(jid) {
      const entry = entries.get(jid) ?? starting.get(jid)
      entry?.remove()
      return entry
    },
    announce: jid => (entries.get(jid) ?? starting.get(jid))?.announce(),
  }
}
