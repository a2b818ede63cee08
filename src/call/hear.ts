// What live events say of one job, and of who is lost. Every reader of them believes a minion on itself alone, and only
// services on the rest.
import { type Msg, PermissionViolationError, type Subscription } from '@nats-io/transport-node'
import type { Bus } from '../bus/connect.ts'
import { isRepublished, rawFromLive } from '../bus/raw.ts'
import { readEvent } from '../protocol/event.ts'
import type { JobReturn, JobSent } from '../protocol/job.ts'
import type { Standing } from './standing.ts'

/** Data of `salt/job/<jid>/new`. */
interface JobAnnounced {
  minions: string[]
  deadline: number
  run_until: number
}

interface JobEars {
  onNew?(announced: JobAnnounced): void
  onSent?(sent: JobSent): void
  onStarted(id: string): void
  onReturn(id: string, returned: JobReturn): void
  /** The server does not let this operator follow the events. */
  onRefused?(): void
}

/** Hears them from the next flush on. */
export function hearJob({ nc, subjects }: Pick<Bus, 'nc' | 'subjects'>, jid: string, ears: JobEars): Subscription {
  const prefix = subjects.livePrefix
  return nc.subscribe(`${prefix}*.salt.job.${jid}.>`, {
    callback: (error, message) => {
      if (error) return void (error instanceof PermissionViolationError && ears.onRefused?.())
      const heard = believedIn(prefix, message)
      if (!heard) return
      const { origin, tag, data } = heard
      const [kind, , last] = tag.split('/').slice(3)
      if (origin.kind === 'minion') {
        if (kind === 'ret') ears.onReturn(origin.id, data as unknown as JobReturn)
        else if (kind === 'prog' && last === 'start') ears.onStarted(origin.id)
      } else if (origin.kind === 'service') {
        if (kind === 'new') ears.onNew?.(data as unknown as JobAnnounced)
        else if (kind === 'sent') ears.onSent?.(data as unknown as JobSent)
      }
    },
  })
}

/**
 * Tells `standing` who is lost and found, from the next flush on; nothing where the master tells nothing, or this operator may not
 * follow it.
 */
export function hearPresence(
  { nc, subjects }: Pick<Bus, 'nc' | 'subjects'>,
  standing: Pick<Standing, 'lost' | 'found'>,
  onChange: () => void,
): Subscription {
  const prefix = subjects.livePrefix
  return nc.subscribe(`${prefix}_master.salt.presence.change`, {
    callback(error, message) {
      const heard = error ? undefined : believedIn(prefix, message)
      if (!heard) return
      const { lost, new: found } = heard.data as { lost: string[]; new: string[] }
      standing.lost(lost)
      standing.found(found)
      onChange()
    },
  })
}

function believedIn(prefix: string, message: Msg) {
  if (!isRepublished(message)) return undefined
  const read = readEvent(prefix, rawFromLive(message))
  return read.ok && read.event.believed ? read.event : undefined
}
