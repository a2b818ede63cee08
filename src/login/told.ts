// What is told of logins: `salt/auth` with Salt's fields, audit records, lines of the log. Whoever is not let in asks again
// every two seconds, and anybody may ask: what they make the master say is bounded.
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { Admission } from '../keys/admit.ts'
import { minionUser } from '../protocol/login.ts'

const MINUTE_MS = 60_000
/** What was told once within the last minute; while there is so much of it, no more is. */
const MAX_TOLD = 6000
/** Refused logins that are recorded within a minute. */
const MAX_RECORDED = 60

export interface Told {
  /** A minion that holds its key, and how its login ended. */
  minion(admission: Admission, id: string, nkey: string): void
  /** A minion that does not hold the key it names, or names none. */
  minionUnproved(id: string, host: string, reason: string): void
  operatorIn(name: string, host: string): void
  /** `user`: the name they said, if it is one. */
  operatorRefused(user: string, host: string, reason: string): undefined
  stop(): void
}

export function createTold({ fire, audit, clock, log }: { fire: Fire; audit: Audit; clock: Clock; log: Log }): Told {
  /** When `<act> <id>` was told; the oldest is first. */
  const told = new Map<string, number>()
  let recorded = 0
  let unrecorded = 0
  let minute: NodeJS.Timeout | undefined

  /** An id is told of once a minute. Who finds no room now asks again in a moment. */
  const mayTell = (key: string): boolean => {
    const now = clock.now()
    for (const [old, at] of told) {
      if (now - at < MINUTE_MS) break
      told.delete(old)
    }
    if (told.has(key) || told.size >= MAX_TOLD) return false
    told.set(key, now)
    return true
  }

  const record = (user: string, host: string, reason: string) =>
    audit('login', { user, source: host, action: 'login', result: 'refused', reason })

  const minuteEnds = () => {
    minute = undefined
    if (unrecorded > 0) record('', '', `${unrecorded} more logins were refused within this minute`)
    recorded = 0
    unrecorded = 0
  }

  const refused = (user: string, host: string, reason: string): undefined => {
    minute ??= setTimeout(minuteEnds, MINUTE_MS).unref()
    if (recorded >= MAX_RECORDED) return void unrecorded++
    recorded++
    log.warn({ user, host, reason }, 'a login was refused')
    record(user, host, reason)
  }

  return {
    minion({ act, reason }, id, nkey) {
      if (act !== 'accept') {
        if (!mayTell(`${act} ${id}`)) return
        log.info({ id, act, nkey, reason }, 'a minion asks to be let in')
      }
      const data = { result: act === 'accept' || act === 'pend', act, id, pub: nkey }
      fire('salt/auth', data).catch(error =>
        log.error({ id, act, error: errorMessage(error) }, 'salt/auth could not be stored'),
      )
    },
    minionUnproved(id, host, reason) {
      if (mayTell(`unproved ${id}`)) refused(minionUser(id), host, reason)
    },
    operatorIn(name, host) {
      audit('login', { user: name, source: host, action: 'login', result: 'ok' })
    },
    operatorRefused: refused,
    stop() {
      if (minute !== undefined) clearTimeout(minute)
      minuteEnds()
    },
  }
}
