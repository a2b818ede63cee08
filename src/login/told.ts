// What is told of logins: `salt/auth` with Salt's fields, audit records, lines of the log. Whoever is not let in asks again
// every two seconds, and anybody may ask: what they make the master say is bounded, and strangers take nothing of the room
// of those who are known.
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createTelling, type Telling } from '../base/telling.ts'
import type { Fire } from '../bus/fire.ts'
import type { Admission } from '../keys/admit.ts'
import { auth } from '../protocol/catalogue/keys.ts'
import { minionUser } from '../protocol/login.ts'

const MINUTE_MS = 60_000
/** Minions with a key whose login is told within a minute; while there are so many, no more are. */
const MAX_TOLD = 6000
/** Refused logins that are recorded one by one within a minute: of all strangers together, and of each operator. */
const MAX_OF_STRANGERS = 60
const MAX_OF_OPERATOR = 10
/** Of minions that do not prove their key; those that are known, and all others. */
const MAX_UNPROVED = 60

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

export interface ToldParts {
  fire: Fire
  audit: Audit
  clock: Clock
  /** Whose names are more than what a stranger made up. */
  known: { operator(name: string): boolean; minion(id: string): boolean }
  log: Log
}

interface Refusal {
  user: string
  host: string
  reason: string
}

export function createTold({ fire, audit, clock, known, log }: ToldParts): Told {
  const record = ({ user, host, reason }: Refusal) => {
    log.warn({ user, host, reason }, 'a login was refused')
    audit('login', { user, source: host, action: 'login', result: 'refused', reason })
  }
  /** One by one up to a number, then how many more there were. */
  const refusalsOf = (user: string, atOnce: number): Telling<Refusal> =>
    createTelling<Refusal>(
      (count, [first]) =>
        record(
          count === 1 ? first! : { user, host: '', reason: `${count} more logins were refused within this minute` },
        ),
      { atOnce },
    )
  const unprovedMinions = () => ({
    mayTell: createOnceAMinute(clock, MAX_UNPROVED),
    refusals: refusalsOf('', MAX_UNPROVED),
  })

  const mayTell = createOnceAMinute(clock, MAX_TOLD)
  const unproved = { known: unprovedMinions(), strange: unprovedMinions() }
  const strangers = refusalsOf('', MAX_OF_STRANGERS)
  /** Of known names alone, so that there are no more than operators. */
  const operators = new Map<string, Telling<Refusal>>()
  const ofOperator = (name: string): Telling<Refusal> => {
    const there = operators.get(name)
    if (there) return there
    for (const [other, { idle }] of operators) if (idle) operators.delete(other)
    const made = refusalsOf(name, MAX_OF_OPERATOR)
    operators.set(name, made)
    return made
  }

  return {
    minion({ act, reason }, id, nkey) {
      if (act !== 'accept') {
        // A key that waits is the only one of its id: another is another minion, told of though it comes within the minute.
        if (mayTell(`${act} ${id}${act === 'pend' ? ` ${nkey}` : ''}`) !== 'yes') return
        log.info({ id, act, nkey, reason }, act === 'pend' ? 'a minion asks to be let in' : 'a minion is kept out')
      }
      const data = { result: act === 'accept' || act === 'pend', act, id, pub: nkey }
      fire(...auth.of({}, data)).catch(error =>
        log.error({ id, act, error: errorMessage(error) }, 'the event of a login could not be stored'),
      )
    },
    minionUnproved(id, host, reason) {
      const { mayTell, refusals } = known.minion(id) ? unproved.known : unproved.strange
      // What finds no room is counted.
      if (mayTell(id) !== 'told') refusals.add([{ user: minionUser(id), host, reason }])
    },
    operatorIn(name, host) {
      audit('login', { user: name, source: host, action: 'login', result: 'ok' })
    },
    operatorRefused(user, host, reason) {
      const refusals = user !== '' && known.operator(user) ? ofOperator(user) : strangers
      refusals.add([{ user, host, reason }])
    },
    stop() {
      for (const telling of [strangers, unproved.known.refusals, unproved.strange.refusals, ...operators.values()]) {
        telling.flush()
        telling.stop()
      }
    },
  }
}

/** Whether something was told within the last minute, or may be; `full`: so much was that no more is, until a moment later. */
function createOnceAMinute(clock: Clock, max: number): (what: string) => 'yes' | 'told' | 'full' {
  /** When it was told; the oldest is first. */
  const told = new Map<string, number>()
  return what => {
    const now = clock.now()
    for (const [old, at] of told) {
      if (now - at < MINUTE_MS) break
      told.delete(old)
    }
    if (told.has(what)) return 'told'
    if (told.size >= max) return 'full'
    told.set(what, now)
    return 'yes'
  }
}
